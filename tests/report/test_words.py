from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.delivery import outbox
from orchestrator.language.codes.states import STATES
from orchestrator.report.layout import Page
from orchestrator.report.meanings import known_codes, meanings, told
from orchestrator.report.words import ENTRY, EXIT, GATE, label, sentence

ROOT = Path(__file__).parents[2]
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


def test_every_state_of_the_ledger_is_explained_and_its_page_is_there() -> None:
    assert set(STATES) == set(outbox.STATES)
    for state in STATES.values():
        page, _, heading = state.page.partition(", ")
        assert f"\n## {heading}\n" in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("written", ["in_doubt", "in-doubt", "IN_DOUBT"])
def test_a_state_is_told_with_what_a_person_can_do_and_where_more_is_said(written: str) -> None:
    (meaning,) = meanings(written)

    said = " ".join(told(meaning, Page(80)))
    assert "clmctl outbox in-doubt list" in said
    assert "More: docs/delivery.md, In doubt." in said


def test_a_word_that_is_a_reason_and_a_state_is_told_as_both() -> None:
    assert [meaning.title.partition(",")[0] for meaning in meanings("suppressed")] == [
        "suppressed: a message was not sent",
        "suppressed: where a message of the ledger stands",
    ]


def test_an_unknown_code_is_its_own_label() -> None:
    assert label(GATE, "frequency") == "frequency cap"
    assert label(GATE, "new_code") == "new_code"
