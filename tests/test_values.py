"""Each literal is read as exactly the types it is written in (semantics 6 and 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestrator.columns import to_micros
from orchestrator.values import (
    MISSING,
    Typed,
    members,
    parse_instant,
    parse_value,
    raw_text,
    typed_value,
    value_reader,
)

VIENNA = ZoneInfo("Europe/Vienna")
UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("raw", "number", "scaled", "money"),
    [
        ("0", 0.0, 0, 0),
        ("-0", 0.0, 0, 0),
        ("12.5", 12.5, 125_000, 125_000),
        ("-12.3456", -12.3456, -123_456, -123_456),
        ("01234", 1234.0, 12_340_000, 12_340_000),
        ("1.50000", 1.5, 15_000, 15_000),
        ("0.00005", 0.00005, 0, None),
        ("0.00015", 0.00015, 2, None),
        ("0.12345678901234567890123", 0.12345678901234568, 1235, None),
        ("100000000000", 1e11, 10**15, 10**15),
        ("-100000000000.0", -1e11, -(10**15), -(10**15)),
        ("100000000000.0001", 100000000000.0001, None, None),
        ("99999999999.99994", 99999999999.99994, 999_999_999_999_999, None),
        ("1" + "0" * 30, 1e30, None, None),
        ("9" * 5_000, None, None, None),
    ],
)
def test_numbers_are_read_exactly(
    raw: str, number: float | None, scaled: int | None, money: int | None
) -> None:
    assert parse_value(raw, UTC_ZONE) == Typed(raw, number, scaled, money)


@pytest.mark.parametrize(
    "raw",
    ["1e3", "+1", "1.", ".5", "1,5", "1_000", " 1", "1 ", "0x1F", "NaN", "inf", "--1", "-", "١٢"],
)
def test_other_spellings_of_numbers_are_texts(raw: str) -> None:
    assert parse_value(raw, UTC_ZONE) == Typed(raw)


@pytest.mark.parametrize(
    ("raw", "truth"), [("true", 1), ("false", 0), ("True", None), ("yes", None), ("1 ", None)]
)
def test_only_true_and_false_are_booleans(raw: str, truth: int | None) -> None:
    assert parse_value(raw, UTC_ZONE).truth == truth


@pytest.mark.parametrize(
    ("raw", "instant"),
    [
        ("2026-03-02", "2026-03-01T23:00:00Z"),
        ("2026-03-02 10:00", "2026-03-02T09:00:00Z"),
        ("2026-03-02T10:00:30.25", "2026-03-02T09:00:30.250000Z"),
        ("2026-03-02T10:00:30,25", "2026-03-02T09:00:30.250000Z"),
        ("2026-03-02T10:00:30.123456000", "2026-03-02T09:00:30.123456Z"),
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"),
        ("2026-03-02T10:00:00z", "2026-03-02T10:00:00Z"),
        ("2026-03-02T10:00+05:30", "2026-03-02T04:30:00Z"),
        ("2026-03-02 10:00:00+00", "2026-03-02T10:00:00Z"),
        ("2026-03-02 10:00:00-0330", "2026-03-02T13:30:00Z"),
        ("2026-03-29T02:30", "2026-03-29T01:00:00Z"),  # skipped: the first instant after the gap
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),  # shown twice: the first
        ("2024-02-29", "2024-02-28T23:00:00Z"),
    ],
)
def test_times_become_instants(raw: str, instant: str) -> None:
    assert parse_instant(raw, VIENNA) == to_micros(datetime.fromisoformat(instant))


@pytest.mark.parametrize(
    "raw",
    [
        "2026-02-30",
        "2025-02-29",
        "2026-13-01",
        "0000-01-01",
        "2026-03-02T24:00",
        "2026-03-02T10:60",
        "2026-03-02T10:00:60",
        "2026-03-02T10",
        "2026-03-02T10:00:00.1234567",
        "2026-03-02T10:00:00+25:00",
        "20260302T100000Z",
        "2026-W10-1",
        "2026-061",
        "03/04/26",
        "02.03.2026",
        "2026-3-2",
        "2026-03-02T10:00:00 Z",
    ],
)
def test_other_times_are_none(raw: str) -> None:
    assert parse_instant(raw, VIENNA) is None
    assert parse_value(raw, VIENNA) == Typed(raw)


@pytest.mark.parametrize("raw", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_ends_of_the_calendar_are_days_too(raw: str, zone: str) -> None:
    assert parse_value(raw, ZoneInfo(zone)).on_date == int(raw.replace("-", ""))


def test_a_date_is_a_day_and_its_midnight_but_a_time_is_no_date() -> None:
    assert parse_value("2026-03-02", UTC_ZONE) == Typed(
        "2026-03-02", instant=to_micros(datetime(2026, 3, 2, tzinfo=UTC)), on_date=20260302
    )
    assert parse_value("2026-03-02T10:00Z", UTC_ZONE).on_date is None


def test_text_is_composed_and_empty_is_missing() -> None:
    assert parse_value("Cafe\u0301", UTC_ZONE) == Typed("Caf\u00e9")
    assert parse_value("", UTC_ZONE) == MISSING


def test_a_reader_remembers_and_stays_right() -> None:
    read = value_reader(UTC_ZONE)
    assert read("12.5") is read("12.5")
    for number in range(60_000):
        read(str(number))
    assert read("12.5").money == 125_000


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a;b", ("a", "b")),
        ("a; b ;", ("a", "b")),
        ("a", ("a",)),
        (";", ()),
        ('["a", 2, 2.50, true]', ("a", "2", "2.50", "true")),
        ('["a;b"]', ("a;b",)),
        ("[]", ()),
        ("[a]", ("[a]",)),
        ('["a"', ('["a"',)),
        ('[["a"]]', ('[["a"]]',)),
        ("[" * 5000, ("[" * 5000,)),
        ("[NaN]", ("[NaN]",)),
    ],
)
def test_lists(raw: str, expected: tuple[str, ...]) -> None:
    assert members(raw) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        (10.0, "10"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (float("nan"), ""),
        (Decimal("1E+3"), "1000"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 3, 2), "2026-03-02"),
        (["a"], None),
        ({}, None),
    ],
)
def test_scalars_of_other_formats_read_like_csv_cells(value: Any, expected: str | None) -> None:
    assert raw_text(value) == expected


@pytest.mark.parametrize(
    ("raw", "type", "expected"),
    [
        ("12.50", "text", "12.50"),
        ("12.50", "number", Decimal("12.50")),
        ("12.50", "money", Decimal("12.5000")),
        ("true", "boolean", True),
        ("2026-03-02", "date", 20260302),
        ("2026-03-02T10:00Z", "datetime", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("a;b", "list", ("a", "b")),
        ("x", "number", None),
        ("x", "money", None),
        ("12.5", "boolean", None),
        ("12.5", "datetime", None),
    ],
)
def test_stored_values_come_back_typed(raw: str, type: str, expected: object) -> None:
    row = SimpleNamespace(**parse_value(raw, UTC_ZONE)._asdict())
    assert typed_value(row, type) == expected
    assert parse_value(raw, UTC_ZONE).reads_as(type) is (expected is not None)
