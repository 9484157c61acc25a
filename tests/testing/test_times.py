"""Times of a test: what they stand for, and how they are written back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.playbook.model.offsets import parse_offset
from orchestrator.testing.times import instant_of, offset_text, shifted

VIENNA = ZoneInfo("Europe/Vienna")
CLOCK = datetime(2026, 3, 28, 9, 30, tzinfo=VIENNA).astimezone(UTC)


def local(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=VIENNA).astimezone(UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0 min", "2026-03-28 09:30"),
        ("1 day", "2026-03-29 09:30"),
        ("24 hours", "2026-03-29 10:30"),
        ("1 day 2 hours 30 min", "2026-03-29 12:00"),
        ("1 month", "2026-04-28 09:30"),
    ],
)
def test_days_keep_the_time_of_day_and_hours_elapse(written: str, expected: str) -> None:
    offset = parse_offset(written)
    assert offset is not None
    assert instant_of(CLOCK, VIENNA, offset, None, None) == local(expected)


@pytest.mark.parametrize(
    "written", ["", "0", "3", "3 dayz", "1 day,2 hours", "-1 day", "1 day and"]
)
def test_what_is_no_length_of_time_is_none(written: str) -> None:
    assert parse_offset(written) is None


def test_a_time_of_day_stands_beside_days_and_an_instant_alone() -> None:
    at = datetime.fromisoformat("2026-03-30 08:00")
    assert instant_of(CLOCK, VIENNA, parse_offset("2 days"), None, at.time()) == local(
        "2026-03-30 08:00"
    )
    assert instant_of(CLOCK, VIENNA, None, None, at) == local("2026-03-30 08:00")


@settings(max_examples=60, deadline=None)
@given(minutes=st.integers(0, 600_000), zone=st.sampled_from(["Europe/Vienna", "Asia/Kathmandu"]))
def test_what_is_written_reads_back_as_the_same_instant(minutes: int, zone: str) -> None:
    there = ZoneInfo(zone)
    instant = CLOCK + timedelta(minutes=minutes)
    offset = parse_offset(offset_text(CLOCK, instant, there))
    assert offset is not None
    assert shifted(CLOCK, offset, there) == instant
