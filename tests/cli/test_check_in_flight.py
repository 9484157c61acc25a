"""``check`` asks for a choice where an edit takes a step away that people stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Shop

from orchestrator.cli.shell import answer

FLOW = """
flow: care
status: live
owner: crm
starts_when: {did: signed_up}
steps:
  - {send: one}
  - {id: pause, wait: 7 days}
  - {send: two}
"""
RENAMED = FLOW.replace("id: pause", "id: rest")


@pytest.fixture
def url(shop: Shop) -> str:
    """The database of a shop in which two people wait on ``pause``."""
    shop.write(care=FLOW).customers(anna={}, ben={})
    for one in ("anna", "ben"):
        shop.event(one, "signed_up", "2026-03-02T09:00")
    shop.tick("2026-03-02T09:00")
    return shop.engine.url.render_as_string(hide_password=False)


def asked(shop: Shop, url: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert answer(["check", "--project", str(shop.folder), "--db", url]) == 0
    return [line for line in capsys.readouterr().out.splitlines() if "CLM442" in line]


def test_an_edit_that_moves_nobody_needs_no_choice(
    shop: Shop, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(shop, url, capsys) == []
    shop.write(care=FLOW.replace("7 days", "9 days"))
    assert asked(shop, url, capsys) == []


def test_a_renamed_step_that_people_stand_on_needs_one(
    shop: Shop, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(care=RENAMED)
    [line] = asked(shop, url, capsys)
    assert '2 runs stand on "pause", which care no longer has, and will go on at two' in line


def test_the_help_names_what_may_have_taken_the_place(
    shop: Shop, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(care=RENAMED)
    answer(["check", "--project", str(shop.folder), "--db", url])
    assert 'if rest took its place, call it "id: pause"' in capsys.readouterr().out


@pytest.mark.parametrize("choice", ["follow", "pin", "restart", "drain"])
def test_a_flow_that_says_in_flight_has_chosen(
    shop: Shop, url: str, capsys: pytest.CaptureFixture[str], choice: str
) -> None:
    shop.write(care=f"{RENAMED}in_flight: {choice}\n")
    assert asked(shop, url, capsys) == []


def test_a_deleted_flow_with_people_inside_needs_one(
    shop: Shop, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.files.pop("care")
    (shop.folder / "playbooks" / "care.yaml").unlink()
    [line] = asked(shop, url, capsys)
    assert "2 runs stand in care, which no file defines any more, and will end" in line


def test_a_project_without_a_database_is_checked_as_ever(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(care=FLOW)
    assert answer(["check", "--project", str(shop.folder)]) == 0
    assert "CLM442" not in capsys.readouterr().out


def test_a_database_that_was_named_and_cannot_be_opened_is_an_error(
    shop: Shop, tmp_path: Path
) -> None:
    shop.write(care=FLOW)
    (tmp_path / "no.db").write_text("no database")
    database = f"sqlite:///{tmp_path}/no.db"
    assert answer(["check", "--project", str(shop.folder), "--db", database]) == 5
