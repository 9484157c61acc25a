from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from goldens import assert_golden
from told import EXPLAINED

from orchestrator.report.layout import Page, width_of
from orchestrator.report.why import heading, why

GOLDEN = Path(__file__).parent / "golden"
VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_explanation_is_laid_out_for_the_width(width: int) -> None:
    lines = list(why(EXPLAINED, Page(width), VIENNA))

    assert max(map(width_of, lines)) <= width
    assert_golden(GOLDEN / f"why-{width}.txt", lines)


def test_nothing_of_a_long_condition_is_cut() -> None:
    words = " ".join(f"word{number}" for number in range(10, 50))
    leaf = replace(EXPLAINED.conditions[0], says=words, actual=words)

    text = " ".join(why(replace(EXPLAINED, conditions=[leaf]), Page(80), VIENNA))

    assert all(text.count(word) == 2 for word in words.split())


def test_a_customer_who_enters_is_told_so() -> None:
    first = next(why(replace(EXPLAINED, enters=True), Page(80), VIENNA))

    assert first == "c_1042 enters win_back now."


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("audience.0", "audience"),
        ("audience.any.0", "audience: any of these"),
        ("audience[1].none[0]", "audience: all of these"),
        ("audience.none.0.all.1", "audience: all of these: any of these"),
        ("audience.none.0.none.1", "audience: all of these: any of these"),
        ("exits_when.any.0", "does not exit at once: all of these"),
        ("exits_when.none.0", "does not exit at once: any of these"),
        ("starts_when", "starts when"),
    ],
)
def test_headings_say_how_conditions_are_joined(path: str, said: str) -> None:
    assert heading(path) == said
