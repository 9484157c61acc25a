from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from small_project import write_project

from orchestrator.errors import UsageError
from orchestrator.settings import (
    database_url,
    find_project,
    instant_from,
    read_variables,
    span_from,
)

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-03-02", "2026-03-01T23:00:00+00:00"),
        ("2026-03-02T09:00", "2026-03-02T08:00:00+00:00"),
        ("2026-03-02 09:00:30", "2026-03-02T08:00:30+00:00"),
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02T09:00:00.25+05:30", "2026-03-02T03:30:00.250000+00:00"),
        ("2026-03-02T09:00-05", "2026-03-02T14:00:00+00:00"),
        ("2026-03-29T02:30", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00+00:00"),
    ],
    ids=["date", "naive", "seconds", "utc", "offset", "hours", "gap", "twice"],
)
def test_times_are_instants(written: str, utc: str) -> None:
    assert instant_from(written, VIENNA) == datetime.fromisoformat(utc)
    assert instant_from(written, VIENNA).tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    ["", "now", "2026-02-30", "2026-03-02T24:00", "2026-3-2", "20260302", "0001-01-01T00:00+14:00",
     "2026-03-02T09:00:00ZZ", "٢٠٢٦-03-02"],
)  # fmt: skip
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        instant_from(written, VIENNA)


def test_project_is_the_nearest_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = write_project(tmp_path) / "templates" / "hello"
    monkeypatch.chdir(inside)

    assert find_project(None) == tmp_path


def test_given_folder_must_be_a_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no project"):
        find_project(tmp_path)


def test_database_is_the_option_else_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLM_DATABASE_URL", "sqlite:///env.db")

    assert database_url("sqlite:///option.db") == "sqlite:///option.db"
    assert database_url(None) == "sqlite:///env.db"
    with pytest.raises(UsageError):
        database_url(" ")


def test_variables_keep_their_text_and_the_last_wins() -> None:
    assert read_variables(["a=1", "b=x=y", "a=", "a=60 days"]) == {"a": "60 days", "b": "x=y"}


@pytest.mark.parametrize("pair", ["", "a", "=1", "A=1", "a b=1"])
def test_what_is_no_variable_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        read_variables([pair])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30s", 30), ("1m", 60), ("5 min", 300), ("1h", 3600), ("2 days", 172800), (" 1 hour ", 3600)],
)
def test_a_span_is_a_number_and_a_unit(written: str, seconds: int) -> None:
    assert span_from(written, option="--every").total_seconds() == seconds
