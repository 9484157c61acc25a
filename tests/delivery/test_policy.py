"""What becomes of a message after an attempt, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from harness import at

from orchestrator.channels.outcome import Outcome, accepted, deferred, refused, rejected, unknown
from orchestrator.delivery.policy import (
    FIRST_DELAY,
    LONGEST_DELAY,
    Attempt,
    after,
    delay,
    next_look,
)

NOW = at("2026-03-02T09:00:00")
FIRST = Attempt(
    number=1, channel="sms", first_at=NOW, expires_at=None, doubt="park", key_ttl=None,
    was_resent=False,
)  # fmt: skip
DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ("outcome", "given", "state", "is_spent"),
    [
        (accepted("x"), {}, "sent", True),
        (rejected("no", code="550"), {}, "dead", True),
        (refused("who?", code="401"), {}, "queued", False),
        (deferred("later"), {}, "queued", True),
        (deferred("later"), {"number": 7}, "queued", True),
        (deferred("later"), {"number": 8}, "dead", True),
        (unknown("hm"), {"doubt": "park"}, "in_doubt", True),
        (unknown("hm"), {"doubt": "resend"}, "queued", True),
        (unknown("hm"), {"doubt": "resend", "was_resent": True}, "in_doubt", True),
        (unknown("hm"), {"doubt": "retry"}, "queued", True),
        (unknown("hm"), {"doubt": "retry", "number": 8}, "in_doubt", True),
        (unknown("hm"), {"doubt": "retry", "key_ttl": DAY}, "queued", True),
        (
            unknown("hm"),
            {"doubt": "retry", "key_ttl": DAY, "first_at": NOW - timedelta(hours=22, minutes=59)},
            "queued",
            True,
        ),
        (
            unknown("hm"),
            {"doubt": "retry", "key_ttl": DAY, "first_at": NOW - timedelta(hours=23)},
            "in_doubt",
            True,
        ),
    ],
)
def test_each_outcome_leads_to_one_state(
    outcome: Outcome, given: dict[str, Any], state: str, is_spent: bool
) -> None:
    change = after(outcome, replace(FIRST, **given), NOW, Random(1))
    assert (change.state, change.is_spent) == (state, is_spent)
    assert change.possible_duplicate == (given.get("doubt") == "resend" and state == "queued")


def test_the_delay_is_spread_over_a_bound_that_doubles_up_to_six_hours() -> None:
    chance = Random(2)
    for number in range(1, 16):
        bound = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (number - 1))
        found = [delay(number, chance) for _ in range(2_000)]
        assert timedelta() <= min(found) < bound / 20
        assert bound * 0.95 < max(found) < bound


@pytest.mark.parametrize(
    ("outcome", "given", "least"),
    [
        (deferred("busy", retry_after=timedelta(hours=1)), {}, timedelta(hours=1)),
        (deferred("grey", code="451"), {"channel": "email"}, timedelta(minutes=5)),
        (deferred("grey", code="451"), {"channel": "email", "number": 3}, timedelta(minutes=30)),
        (
            deferred("grey", code="451", retry_after=timedelta(hours=2)),
            {"channel": "email"},
            timedelta(hours=2),
        ),
    ],
)
def test_what_the_provider_asks_for_is_the_least(
    outcome: Outcome, given: dict[str, Any], least: timedelta
) -> None:
    for seed in range(50):
        change = after(outcome, replace(FIRST, **given), NOW, Random(seed))
        assert change.not_before is not None
        assert change.not_before >= NOW + least


def test_a_message_that_expires_before_its_next_attempt_is_looked_at_then() -> None:
    expires = NOW + timedelta(minutes=1)
    outcome = deferred("busy", retry_after=timedelta(hours=1))
    change = after(outcome, replace(FIRST, expires_at=expires), NOW, Random(1))
    assert change.not_before == expires


def test_a_message_in_doubt_is_looked_at_after_2_10_and_60_minutes_and_at_its_end() -> None:
    looks = [NOW]
    for _ in range(4):
        looks.append(next_look(NOW, looks[-1]))
    minutes = [(look - NOW) / timedelta(minutes=1) for look in looks[1:]]
    assert minutes == [2, 10, 60, 72 * 60]
