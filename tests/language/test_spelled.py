"""Numbers as people spell them."""

from __future__ import annotations

import pytest

from orchestrator.language.spelled import spelled_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("587", 587),
        (" five ", 5),
        ("Twenty-Five", 25),
        ("one hundred and one", 101),
        ("a hundred", 100),
        ("two thousand", 2_000),
        ("3 dozen", 36),
        ("10k", 10_000),
        ("1,000", 1_000),
        ("1 000 000", 1_000_000),
        ("1_000", 1_000),
    ],
)
def test_a_number_is_read_in_digits_and_in_words(text: str, number: int) -> None:
    assert spelled_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "-", "-5", "0.5", "smtps", "hunter2", "five per", "1,00", "٣"]
)
def test_what_spells_no_number_is_none(text: str) -> None:
    assert spelled_number(text) is None
