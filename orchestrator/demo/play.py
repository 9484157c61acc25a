"""Two weeks of the sample shop: when its ticks are, and what becomes of its messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from hashlib import sha256

from orchestrator import timing
from orchestrator.counting import counted
from orchestrator.demo import shop
from orchestrator.demo.people import Row, written
from orchestrator.records.ticks import DecisionLine

TICK_HOURS = (10, 16)
"""The shop's clock at each day's ticks; the second is mid-morning in Europe."""
_OPENED = {"email": 42, "push": 0, "sms": 0}
_CLICKED = {"email": 14, "push": 11, "sms": 0}
"""Percent of the messages, by channel."""


def live_ticks() -> list[datetime]:
    """Return the instants of the live ticks, from going live up to the day before the preview."""
    days = (shop.TODAY.date() - shop.LIVE_FROM.date()).days
    return [
        timing.local_instant(shop.LIVE_FROM.date() + timedelta(days=day), time(hour), shop.ZONE)
        for day in range(days)
        for hour in TICK_HOURS
    ]


def outcome(sent: int, repeated: int, there: int) -> str:
    """Return what the live ticks did, in words.

    Args:
        sent: messages of the ticks that were run now.
        repeated: ticks that had been run before, and did nothing now.
        there: messages in the outbox after them.
    """
    if repeated == len(live_ticks()):
        return f"all were run before; the outbox has {counted(there, 'message')}"
    if repeated:
        return f"{repeated} were run before; {counted(sent, 'more message')} went to the outbox"
    return f"{counted(sent, 'message')} went to the outbox"


def receipts_of(lines: Iterable[DecisionLine]) -> list[Row]:
    """Return what the recipients of a tick's messages did, as rows of a receipts file.

    What one customer does with one message is the same every time.
    """
    return [
        row for line in lines if line.decision == "send" and not line.error for row in _acts(line)
    ]


def _acts(line: DecisionLine) -> Iterator[Row]:
    channel = line.channel or "email"
    drawn = int.from_bytes(sha256(f"{line.customer}/{line.message}".encode()).digest()[:4])
    percent, minutes = drawn % 100, 5 + drawn // 100 % 300
    if channel == "email" and percent == 99:
        yield _receipt(line, "bounced", 1)
    if channel == "email" and percent == 98 and drawn // 30_000 % 4 == 0:
        yield _receipt(line, "complained", minutes)
    if percent < _OPENED.get(channel, 0):
        yield _receipt(line, "opened", minutes)
    if percent < _CLICKED.get(channel, 0):
        yield _receipt(line, "clicked", minutes + 1)


def _receipt(line: DecisionLine, kind: str, minutes: int) -> Row:
    return {
        "customer_id": line.customer,
        "message": line.message,
        "kind": kind,
        "at": written(line.at + timedelta(minutes=minutes)),
        "flow": line.flow,
        "channel": line.channel,
    }
