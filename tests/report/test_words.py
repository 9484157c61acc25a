from __future__ import annotations

import pytest

from orchestrator.report.layout import Page
from orchestrator.report.meanings import known_codes, meanings, told
from orchestrator.report.words import ENTRY, EXIT, GATE, label, sentence

# The closed list of semantics 61.
CODES = {
    "entry": (
        ENTRY,
        "not_live opens_closes stale before_live already_in re_entry audience exits_when no_key",
    ),
    "gate": (
        GATE,
        (
            "only_if audience consent suppressed unreachable holdout quiet_hours send_between"
            " volume frequency shadow run_ended"
        ),
    ),
    "exit": (EXIT, "goal exit audience completed restarted step"),
}


@pytest.mark.parametrize("place", list(CODES))
def test_every_reason_has_words(place: str) -> None:
    table, codes = CODES[place]

    assert list(table) == codes.split()
    assert all(sentence(place, code).endswith(".") for code in table)


def test_a_code_with_several_meanings_is_told_with_each() -> None:
    assert len(meanings("audience")) == 3
    assert meanings("nonsense") == []
    assert "frequency" in known_codes()


def test_a_code_of_check_is_told_with_an_example() -> None:
    (meaning,) = meanings("clm104")

    lines = list(told(meaning, Page(80)))
    assert lines[0] == "CLM104: an unknown word"
    assert {"  Wrong", "  Right", "    last: purchase"} <= set(lines)


@pytest.mark.parametrize("code", known_codes())
def test_every_code_can_be_told(code: str) -> None:
    assert all(len(list(told(meaning, Page(80)))) > 1 for meaning in meanings(code))


def test_an_unknown_code_is_its_own_label() -> None:
    assert label(GATE, "frequency") == "frequency cap"
    assert label(GATE, "new_code") == "new_code"
