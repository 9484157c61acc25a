"""Remembering the parts of times changes no answer."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.importing.instants import EARLIEST, LATEST, instant_reader
from orchestrator.values import parse_instant

VIENNA = ZoneInfo("Europe/Vienna")
DAYS = st.dates().map(str) | st.sampled_from(
    ["2026-02-30", "1899-12-31", "2201-01-01", "2026-03-29", "2026-10-25", "26-03-02", ""]
)
CLOCKS = st.sampled_from(
    ["", "Z", "T10:00Z", "T10:00:00Z", "T02:30", "T02:30:00", " 02:30", "T24:00Z", "T10:00:00.5Z",
     "T10:00z", "T23:59:59.999999Z", "T10:00+02:00", "T10Z", "TZ", " 10:00Z"]
)  # fmt: skip


@given(st.lists(st.tuples(DAYS, CLOCKS).map("".join), max_size=30))
def test_a_reader_answers_as_if_it_had_seen_nothing(written: list[str]) -> None:
    read = instant_reader(None, VIENNA)
    for raw in written:
        found = parse_instant(raw, VIENNA)
        expected = found if found is not None and EARLIEST <= found < LATEST else None
        assert read(raw) == expected


@pytest.mark.parametrize("form", ["unix", "unix_ms"])
def test_other_than_whole_numbers_are_no_unix_times(form: str) -> None:
    read = instant_reader(form, VIENNA)
    assert [read(raw) for raw in ("1.5", "x", "", "9" * 30, "-99999999999999")] == [None] * 5
