from __future__ import annotations

import pytest

from orchestrator.language.durations import FIXED_UNITS, UNITS, Unit, meant_duration

DAYS: tuple[Unit, ...] = ("day", "week", "month", "year")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2m", '"2 min" or "2 months"'),
        ("3 mns", '"3 min" or "3 months"'),
        ("3 mo", '"3 months"'),
        ("2 dys", '"2 days"'),
        ("90D", '"90 days"'),
        ("2 Weeks", '"2 weeks"'),
        ("1 hr", '"1 hour"'),
        ("4 hrs", '"4 hours"'),
        ("10 minuts", '"10 min"'),
        ("2_days", '"2 days"'),
        ("1 yr", '"1 year"'),
    ],
)
def test_a_mistyped_unit_is_told_with_what_it_may_be(written: str, meant: str) -> None:
    assert meant_duration(written, UNITS) == f"did you mean {meant}?"


def test_only_units_of_the_place_are_offered() -> None:
    assert meant_duration("2m", FIXED_UNITS) == 'did you mean "2 min"?'
    assert meant_duration("2m", DAYS) == 'did you mean "2 months"?'


def test_a_unit_that_the_place_does_not_take_is_told_in_days() -> None:
    assert meant_duration("3 months", FIXED_UNITS) == 'did you mean "90 days"?'
    assert meant_duration("48 h", DAYS) == 'did you mean "2 days"?'
    assert meant_duration("5 hours", DAYS) is None


def test_a_number_alone_needs_its_unit() -> None:
    assert meant_duration("3", UNITS) == "write the unit too, such as: 3 days"


@pytest.mark.parametrize("written", ["", "soon", "0 days", "-2 days", "7 bananas", "99999 years"])
def test_what_is_near_nothing_has_no_hint(written: str) -> None:
    assert meant_duration(written, UNITS) is None


def test_seconds_are_shorter_than_anything() -> None:
    assert meant_duration("30s", UNITS) == "the shortest duration is 1 min"
