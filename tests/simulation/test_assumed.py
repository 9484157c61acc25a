from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from harness import at

from orchestrator.errors import UsageError
from orchestrator.simulation.assumed import Act, Assumed, Sent, read_shares

NOW = at("2026-03-02T09:00")
MANY = [Sent(f"c_{n}", "welcome", 1, "hello", "0", "email", "hello", None, NOW)
        for n in range(4_000)]  # fmt: skip


def acts(seed: str = "1", **shares: str) -> list[Act]:
    assumed = Assumed({name: Decimal(share) for name, share in shares.items()}, seed)
    return list(assumed.acts(MANY))


def who(found: list[Act], kind: str) -> set[str]:
    return {act.sent.customer for act in found if act.kind == kind}


def test_about_as_many_act_as_was_assumed() -> None:
    counts = Counter(act.kind for act in acts(opened="0.3", clicked="0.04", purchase="0.02"))

    assert 1_100 < counts["opened"] < 1_300
    assert 120 < counts["clicked"] < 200
    assert 50 < counts["purchase"] < 110


def test_the_same_seed_draws_the_same() -> None:
    assert acts(opened="0.3", bounced="0.01") == acts(opened="0.3", bounced="0.01")
    assert acts(opened="0.3") != acts("2", opened="0.3")


def test_one_message_more_changes_nobody_elses_fate() -> None:
    assumed = Assumed({"clicked": Decimal("0.5")}, "1")

    alone = list(assumed.acts(MANY[:10]))

    assert alone == [act for act in assumed.acts(MANY) if act.sent in MANY[:10]]


def test_who_clicks_has_opened_before() -> None:
    found = acts(opened="0.3", clicked="0.1", replied="0.01")
    opened = {act.sent.customer: act.at for act in found if act.kind == "opened"}

    assert who(found, "replied") <= who(found, "clicked") <= who(found, "opened")
    assert all(act.at > opened[act.sent.customer] for act in found if act.kind == "clicked")


def test_a_message_that_bounced_is_not_looked_at() -> None:
    found = acts(opened="1", bounced="0.1", purchase="1")

    assert who(found, "bounced")
    assert not who(found, "bounced") & (who(found, "opened") | who(found, "purchase"))


def test_delays_are_plausible() -> None:
    delays = [act.at - NOW for act in acts(opened="1")]

    assert min(delays) >= timedelta(minutes=1)
    assert max(delays) <= timedelta(days=1)
    assert 0.45 < sum(delay <= timedelta(hours=1) for delay in delays) / len(delays) < 0.55


def test_shares_are_read() -> None:
    assert read_shares(["opened=30%, clicked=0.5%", "buy=100%"], ["buy"]) == {
        "opened": Decimal("0.3"), "clicked": Decimal("0.005"), "buy": Decimal(1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("opened", "is not NAME=PERCENT"),
        ("opened=30", "is not NAME=PERCENT"),
        ("opened=101%", "is not NAME=PERCENT"),
        ("opened=-1%", "is not NAME=PERCENT"),
        ("", "is not NAME=PERCENT"),
        ("opend=3%", 'knows no "opend"'),
        ("clicked=4%,clicked=5%", 'says "clicked" twice'),
        ("clicked=60%,opened=10%", "clicked=60%, opened=10% cannot both hold"),
        ("opened=0%,replied=0.5%", "who replies is among those who open"),
    ],
)
def test_what_is_no_share_is_refused(written: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_shares([written], ["buy"])


def test_as_many_may_click_as_open_and_clicks_stand_alone() -> None:
    assert read_shares(["opened=4%", "clicked=4%"], []).keys() == {"opened", "clicked"}
    assert read_shares(["clicked=60%,replied=70%"], []).keys() == {"clicked", "replied"}
