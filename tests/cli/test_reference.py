from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.reference import PAGE, help_texts, renewed, stale_help
from orchestrator.cli.shell import answer
from orchestrator.cli.verbs import EVERYWHERE, LATER, VERBS

ROOT = Path(__file__).parents[2]


def test_help_texts_in_the_documentation_are_fresh() -> None:
    assert stale_help(ROOT) == [], "run: python -m orchestrator.cli.reference"


def test_stale_page_is_found(tmp_path: Path) -> None:
    page = tmp_path / PAGE
    page.parent.mkdir()
    fresh = (ROOT / PAGE).read_text(encoding="utf-8")
    page.write_text(fresh.replace("Run one tick", "Walk one tock"), encoding="utf-8")

    assert stale_help(tmp_path) == [page]
    assert renewed(page.read_text(encoding="utf-8")) == renewed(fresh)


def test_every_command_has_a_summary_and_examples() -> None:
    for command, text in help_texts():
        lines = text.splitlines()
        assert len(lines[0]) > 15, command
        assert "VERB" in text or "Examples:" in text, command


def test_no_verb_is_both_there_and_later() -> None:
    assert not set(VERBS) & set(LATER)
    assert all(flag.startswith("-") for flag, _ in EVERYWHERE)


@pytest.mark.parametrize("group", [["outbox"], ["outbox", "in-doubt"], ["channels"], ["db"]])
def test_what_the_verbs_of_a_group_do_is_told_whole(
    group: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer([*group, "--help"]) == 0
    page = capsys.readouterr().out
    verbs = page.partition("Commands:")[2].partition("Everywhere:")[0]
    assert "..." not in verbs
    assert verbs.rstrip().endswith(".")
