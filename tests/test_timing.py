"""Time arithmetic against hand-picked cases and a scan of every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import openings, timing
from orchestrator.language.durations import DailyHours, Duration, Unit
from orchestrator.language.zones import zone_names
from orchestrator.openings import QuietSlot, Slot

VIENNA = ZoneInfo("Europe/Vienna")
JAKARTA = ZoneInfo("Asia/Jakarta")
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "span", "expected"),
    [
        ("2026-03-31T10:00", Duration(1, "month"), "2026-02-28T10:00"),
        ("2024-02-29T10:00", Duration(1, "year"), "2023-02-28T10:00"),
        ("2026-03-30T10:00", Duration(1, "day"), "2026-03-29T10:00"),
        ("2026-01-15T00:00", Duration(13, "month"), "2024-12-15T00:00"),
        ("2026-03-31T10:00", Duration(90, "min"), "2026-03-31T08:30"),
    ],
)
def test_window_steps_the_utc_calendar(now: str, span: Duration, expected: str) -> None:
    assert timing.minus(utc(now), span) == utc(expected)


def test_window_of_a_month_ignores_the_zone_of_now() -> None:
    tokyo = datetime(2026, 4, 1, 5, tzinfo=ZoneInfo("Asia/Tokyo"))

    assert timing.minus(tokyo, Duration(1, "month")) == utc("2026-02-28T20:00")


def test_windows_stay_inside_the_calendar() -> None:
    century = Duration(100, "year")

    assert timing.minus(utc("0050-01-01"), century) == timing.EARLIEST
    assert timing.plus(utc("9950-01-01"), century) == timing.LATEST
    assert timing.plus(utc("9999-12-31"), Duration(9, "day")) == timing.LATEST


@pytest.mark.parametrize(
    ("day", "at", "zone", "expected"),
    [
        ("2026-03-29", time(2, 30), "Europe/Vienna", "2026-03-29T01:00"),
        ("2026-10-25", time(2, 30), "Europe/Vienna", "2026-10-25T00:30"),
        ("2011-12-30", time(9), "Pacific/Apia", "2011-12-30T10:00"),
        ("2026-04-05", time(1, 45), "Australia/Lord_Howe", "2026-04-04T14:45"),
        ("2018-11-04", time(0), "America/Sao_Paulo", "2018-11-04T03:00"),
    ],
)
def test_local_instant_is_the_first_reading_or_the_end_of_the_gap(
    day: str, at: time, zone: str, expected: str
) -> None:
    found = timing.local_instant(date.fromisoformat(day), at, ZoneInfo(zone))

    assert found == utc(expected)


def test_wait_of_days_keeps_the_local_time_and_of_hours_does_not() -> None:
    saturday = utc("2026-03-28T08:30")

    assert timing.wait_until(saturday, Duration(1, "day"), VIENNA) == utc("2026-03-29T07:30")
    assert timing.wait_until(saturday, Duration(24, "hour"), VIENNA) == utc("2026-03-29T08:30")


def test_wait_into_a_gap_ends_after_it() -> None:
    start = utc("2026-03-28T01:30")

    assert timing.wait_until(start, Duration(1, "day"), VIENNA) == utc("2026-03-29T01:00")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-02-28", {228, 229}),
        ("2024-02-28", {228}),
        ("2024-02-29", {229}),
        ("2100-02-28", {228, 229}),
        ("2026-12-31", {1231}),
    ],
)
def test_leap_day_is_celebrated_on_28_february(day: str, expected: set[int]) -> None:
    assert timing.anniversary_days(date.fromisoformat(day)) == expected


def test_shifted_days_clamp_and_refuse_hours() -> None:
    assert timing.shift_days(date(2026, 1, 31), Duration(1, "month"), +1) == date(2026, 2, 28)
    assert timing.shift_days(date(2026, 1, 31), Duration(2, "week"), -1) == date(2026, 1, 17)
    assert timing.shift_days(date(9999, 1, 1), Duration(1, "year"), +1) == date.max
    assert timing.shift_days(date(1, 1, 1), Duration(1, "day"), -1) == date.min
    with pytest.raises(ValueError, match="3 hours"):
        timing.shift_days(date(2026, 1, 1), Duration(3, "hour"), +1)


def test_day_of_the_spring_change_has_23_hours() -> None:
    start, end = timing.day_bounds(date(2026, 3, 29), VIENNA)

    assert end - start == timedelta(hours=23)
    assert timing.local_day(end - MINUTE, VIENNA) == date(2026, 3, 29)


def test_edge_of_the_calendar_raises_nothing() -> None:
    for zone in (JAKARTA, ZoneInfo("America/New_York")):
        for day in (date.min, date.max):
            timing.day_bounds(day, zone)
        for instant in (timing.EARLIEST, timing.LATEST):
            timing.local_day(instant, zone)
            Slot(DailyHours(60, 61)).opens_next(instant, zone)
            timing.wait_until(instant, Duration(9, "day"), zone)


# --- slots ----------------------------------------------------------------------------


def test_slot_over_midnight_asks_for_the_weekday_of_the_instant() -> None:
    friday_night = Slot(DailyHours(22 * 60, 2 * 60), frozenset({4}))

    assert friday_night.is_open(utc("2026-03-05T23:00"), VIENNA)  # Friday 00:00
    assert not friday_night.is_open(utc("2026-03-06T23:30"), VIENNA)  # Saturday 00:30
    assert friday_night.opens_next(utc("2026-03-06T02:00"), VIENNA) == utc("2026-03-06T21:00")


def test_slot_that_ends_at_24_includes_the_last_minute() -> None:
    evening = Slot(DailyHours(20 * 60, 24 * 60))

    assert evening.is_open(utc("2026-03-02T22:59:59"), VIENNA)
    assert not evening.is_open(utc("2026-03-02T23:00"), VIENNA)


def test_slot_inside_the_gap_opens_on_the_next_day() -> None:
    slot = Slot(DailyHours(2 * 60 + 10, 2 * 60 + 20))

    assert slot.opens_next(utc("2026-03-29T00:30"), VIENNA) == utc("2026-03-30T00:10")


def test_slot_cut_by_the_gap_opens_after_it() -> None:
    slot = Slot(DailyHours(2 * 60 + 30, 4 * 60))

    assert slot.opens_next(utc("2026-03-29T00:30"), VIENNA) == utc("2026-03-29T01:00")


def test_slot_shown_twice_opens_again() -> None:
    slot = Slot(DailyHours(2 * 60, 2 * 60 + 30))

    assert slot.opens_next(utc("2026-10-25T00:31"), VIENNA) == utc("2026-10-25T01:00")


def test_slot_that_is_never_open_has_no_next_opening() -> None:
    assert Slot(weekdays=frozenset()).opens_next(utc("2026-03-29T00:30"), VIENNA) is None


def test_open_slot_opens_at_the_instant_itself() -> None:
    now = utc("2026-03-02T09:00:00.123456")

    assert Slot(DailyHours(9 * 60, 17 * 60)).opens_next(now, VIENNA) == now


def test_quiet_hours_end_in_the_zone_they_name() -> None:
    night = DailyHours(21 * 60, 8 * 60)
    now = utc("2026-03-02T01:30")

    assert openings.next_allowed(now, JAKARTA, QuietSlot(night), None) == now
    vienna = QuietSlot(night, zone=VIENNA)
    assert openings.next_allowed(now, JAKARTA, vienna, None) == utc("2026-03-02T07:00")


def test_quiet_hours_and_slot_must_both_allow() -> None:
    quiet = QuietSlot(DailyHours(21 * 60, 8 * 60), dates_quiet=frozenset({date(2026, 3, 3)}))
    slot = Slot(DailyHours(6 * 60, 7 * 60 + 59), frozenset({1, 2, 3}))
    office = Slot(DailyHours(7 * 60, 12 * 60), frozenset({1, 2, 3}))

    assert openings.next_allowed(utc("2026-03-02T07:00"), VIENNA, quiet, slot) is None
    assert openings.next_allowed(utc("2026-03-02T07:00"), VIENNA, quiet, office) == utc(
        "2026-03-04T07:00"
    )


# --- zones ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [None, "", " ", "../Europe/Vienna", "/etc/passwd", "localtime", "europe/vienna",
     "Europe", "Europe/Vienna ", "Europe/Wien", "Mars/Base", "Europe\x00", "posixrules", "é" * 300],
)  # fmt: skip
def test_name_that_is_no_iana_name_falls_back(name: str | None) -> None:
    assert timing.zone_or(name, JAKARTA) == (JAKARTA, False)


def test_every_iana_name_has_its_zone() -> None:
    assert len(zone_names()) > 400
    for name in zone_names():
        assert timing.zone_or(name, JAKARTA) == (ZoneInfo(name), True)


# --- against a scan of every minute ---------------------------------------------------

ZONES = st.sampled_from(sorted(zone_names())).map(ZoneInfo)
INSTANTS = st.integers(0, (2100 - 1990) * 365 * 24 * 60).map(
    lambda minutes: datetime(1990, 1, 1, tzinfo=UTC) + minutes * MINUTE
)
HOURS = st.builds(DailyHours, st.integers(0, 1439), st.integers(0, 1440)).filter(
    lambda hours: hours.start != hours.end
)


@st.composite
def changing(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """Draw a zone and an instant, often within a day of a change of its offset."""
    zone, start = draw(ZONES), draw(INSTANTS)
    days = [start + timedelta(days=number) for number in range(370)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    changes = [
        day for day, one, other in zip(days, offsets, offsets[1:], strict=False) if one != other
    ]
    return zone, draw(st.sampled_from(changes or days)) + draw(st.integers(-600, 900)) * MINUTE


@settings(max_examples=100, deadline=None)
@given(changing(), st.integers(0, 2 * 1440))
def test_local_instant_equals_a_scan(place: tuple[ZoneInfo, datetime], offset: int) -> None:
    zone, near = place
    reading = near.astimezone(zone).replace(tzinfo=None, second=0, fold=0) + offset * MINUTE
    found = timing.local_instant(reading.date(), reading.time(), zone)
    clocks = {
        minute: (near + minute * MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
        for minute in range(-3 * 1440, 5 * 1440)
    }
    if near.astimezone(zone).second:
        return
    exact = [minute for minute, clock in clocks.items() if clock == reading]
    later = [
        minute
        for minute, clock in clocks.items()
        if clock > reading and clocks.get(minute - 1, clock) < reading
    ]

    assert found == near + (exact or later)[0] * MINUTE


@settings(max_examples=100, deadline=None)
@given(
    changing(),
    HOURS,
    HOURS,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.frozensets(st.integers(0, 6)),
)
def test_next_allowed_equals_a_scan(
    place: tuple[ZoneInfo, datetime],
    quiet_hours: DailyHours,
    hours: DailyHours,
    weekdays: frozenset[int],
    quiet_days: frozenset[int],
) -> None:
    zone, now = place
    quiet, slot = QuietSlot(quiet_hours, quiet_days), Slot(hours, weekdays)
    found = openings.next_allowed(now, zone, quiet, slot)
    scanned = next(
        (
            moment
            for moment in (now + minute * MINUTE for minute in range(3 * 1440))
            if quiet.is_open(moment, zone) and slot.is_open(moment, zone)
        ),
        None,
    )

    if scanned is not None:
        assert found == scanned
    elif found is not None:
        assert found >= now + 3 * 1440 * MINUTE
        assert quiet.is_open(found, zone) and slot.is_open(found, zone)


@settings(max_examples=50, deadline=None)
@given(changing(), HOURS, HOURS, st.frozensets(st.integers(0, 6), min_size=1))
def test_next_refused_equals_a_scan(
    place: tuple[ZoneInfo, datetime],
    quiet_hours: DailyHours,
    hours: DailyHours,
    weekdays: frozenset[int],
) -> None:
    zone, now = place
    quiet, slot = QuietSlot(quiet_hours), Slot(hours, weekdays)
    scanned = next(
        moment
        for moment in (now + minute * MINUTE for minute in range(1, 3 * 1440))
        if not (quiet.is_open(moment, zone) and slot.is_open(moment, zone))
    )
    found = openings.next_refused(now, zone, quiet, slot)

    assert found is not None
    if quiet.is_open(now, zone) and slot.is_open(now, zone):
        assert found == scanned
    else:  # it may be said again where a side changes
        assert now < found
        assert not (quiet.is_open(found, zone) and slot.is_open(found, zone))


@settings(max_examples=100, deadline=None)
@given(changing(), st.integers(1, 60), st.sampled_from(["day", "week", "month", "year"]))
def test_wait_ends_later_and_at_the_same_local_time(
    place: tuple[ZoneInfo, datetime], amount: int, unit: Unit
) -> None:
    zone, now = place
    due = timing.wait_until(now, Duration(amount, unit), zone)
    reading = now.astimezone(zone).replace(tzinfo=None, fold=0)
    day = timing.shift_days(reading.date(), Duration(amount, unit), +1)
    target = datetime.combine(day, reading.time())
    shown = due.astimezone(zone).replace(tzinfo=None, fold=0)

    assert due > now
    assert shown >= target
    if shown != target:
        before = (due - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert before < target
