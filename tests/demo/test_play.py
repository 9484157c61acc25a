"""The ticks of the sample shop, and what its recipients do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from orchestrator.demo import play, shop
from orchestrator.records.sends import DecisionKind, RenderFailure
from orchestrator.records.ticks import DecisionLine

AT = datetime(2026, 2, 3, 3, tzinfo=UTC)


def line(
    number: int,
    channel: str = "email",
    decision: DecisionKind = "send",
    error: RenderFailure | None = None,
) -> DecisionLine:
    return DecisionLine(
        f"c_{number:04}", "welcome", "hello", "welcome_hello", channel, "a@b.example", decision,
        None, AT, AT, "Hello", None, 1, error=error,
    )  # fmt: skip


def test_ticks_begin_when_the_flows_go_live_and_end_the_day_before_the_preview() -> None:
    ticks = play.live_ticks()

    assert ticks[0] == shop.LIVE_FROM
    assert timedelta(hours=12) < shop.TODAY - ticks[-1] < timedelta(hours=24)
    assert ticks == sorted(ticks)
    assert len(ticks) == 30


def test_a_second_demo_says_that_all_was_done_before() -> None:
    ticks = len(play.live_ticks())

    assert play.outcome(474, 0, 474) == "474 messages went to the outbox"
    assert play.outcome(0, ticks, 474) == "all were run before; the outbox has 474 messages"
    assert play.outcome(100, 12, 474) == (
        "12 were run before; 100 more messages went to the outbox"
    )


def test_recipients_do_the_same_every_time() -> None:
    lines = [line(number) for number in range(500)]

    assert play.receipts_of(lines) == play.receipts_of(lines)


def test_some_open_fewer_click_and_hardly_any_bounce() -> None:
    kinds = Counter(row["kind"] for row in play.receipts_of(line(n) for n in range(2000)))

    assert kinds["opened"] > kinds["clicked"] > kinds["bounced"] > kinds["complained"] > 0


def test_nobody_reacts_to_what_was_not_sent() -> None:
    held = [line(number, decision="hold") for number in range(200)]
    dead = [line(number, error=RenderFailure("undefined", "x")) for number in range(200)]

    assert play.receipts_of(held + dead) == []


def test_receipts_come_after_the_message() -> None:
    rows = play.receipts_of(line(number) for number in range(500))

    assert all(str(row["at"]) > "2026-02-03T03:00:00Z" for row in rows)
