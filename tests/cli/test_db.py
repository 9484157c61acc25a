"""``clmctl db``: the state of a schema, and bringing it up to date."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from orchestrator.cli.shell import answer
from orchestrator.database import open_engine
from orchestrator.sqlite_file import SCHEMA_TABLE


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is no project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLM_DATABASE_URL", raising=False)
    return tmp_path


def test_an_upgrade_makes_the_tables_and_the_second_changes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert answer(["db", "upgrade", "--db", "shop.db"]) == 0
    assert capsys.readouterr().out == "shop.db is now at this version\n"
    assert answer(["db", "upgrade", "--db", "shop.db"]) == 0
    assert capsys.readouterr().out == "shop.db is at this version already\n"


def test_the_status_says_what_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(["db", "upgrade", "--db", "shop.db"])
    assert answer(["db", "status", "--db", "shop.db"]) == 0
    said = capsys.readouterr().out
    assert "schema    current" in said
    assert "customer                 0" in said
    assert os.listdir(here) == ["shop.db"]


def test_the_status_of_a_missing_database_makes_none(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["db", "status", "--db", "shop.db"]) == 5
    assert "There is no database at shop.db" in capsys.readouterr().err
    assert os.listdir(here) == []


def test_a_newer_schema_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    answer(["db", "upgrade", "--db", "shop.db"])
    with open_engine("shop.db").begin() as connection:
        connection.execute(text(f"UPDATE {SCHEMA_TABLE} SET version_num = '9999'"))
    for verb in ("upgrade", "status"):
        assert answer(["db", verb, "--db", "shop.db"]) == 5
        assert "newer version of clmctl" in capsys.readouterr().err


def test_postgresql_is_upgraded_too(
    empty_postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["db", "status", "--db", empty_postgres_url]) == 5
    assert answer(["db", "upgrade", "--db", empty_postgres_url]) == 0
    assert answer(["db", "status", "--db", empty_postgres_url]) == 0
    assert "schema    current" in capsys.readouterr().out
