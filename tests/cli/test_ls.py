"""``clmctl ls --count``: as many customers as a run finds, and nothing is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from databases import opened_at
from jsonschema import Draft7Validator
from reference.loading import load
from reference.world import Happening, Person, World
from small_project import write_project
from sqlalchemy import func, select

from orchestrator import tables
from orchestrator.cli.shell import answer

SCHEMAS = Path(__file__).parents[2] / "schemas" / "cli"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


@pytest.fixture
def url(database_url: str) -> str:
    """Four customers: two bought, one of them for 250; one comes a day later."""
    engine = opened_at(database_url)
    load(
        engine,
        World(
            people=(
                Person("c_1", created_at=NOW - timedelta(days=9)),
                Person("c_2", created_at=NOW - timedelta(days=9)),
                Person("c_3", created_at=NOW - timedelta(days=9), attributes={"country": "AT"}),
                Person("c_4", created_at=NOW + timedelta(days=1)),
            ),
            happenings=(
                Happening("e_1", "c_1", "purchase", NOW - timedelta(days=3), {"amount": "250"}),
                Happening("e_2", "c_2", "purchase", NOW - timedelta(hours=3), {"amount": "5"}),
            ),
        ),
        ZoneInfo("Europe/Vienna"),
    )
    engine.dispose()
    return database_url


def counted(project: Path, url: str, what: str, at: datetime = NOW) -> int:
    located = ["--project", str(project), "--db", url, "--at", at.isoformat()]
    return answer(["ls", what, "--count", *located, "-o", "json"])


def sizes(document: Any) -> dict[str, int]:
    return {item["name"]: item["customers"] for item in document["items"]}


def test_segments_and_stages_are_counted_at_the_instant_asked_for(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for what, at in [
        ("segments", NOW), ("stages", NOW), ("segments", NOW + timedelta(days=2)),
        ("stages", NOW - timedelta(days=1)),
    ]:  # fmt: skip
        assert counted(project, url, what, at) == 0
        document = json.loads(capsys.readouterr().out)
        schema = json.loads((SCHEMAS / "ls.schema.json").read_text(encoding="utf-8"))
        Draft7Validator(schema).validate(document)
        found.append((document["customers"], sizes(document)))

    assert found == [
        (3, {"away": 0, "big": 1}),
        (3, {"buyer": 2, "lead": 1}),
        (4, {"away": 1, "big": 1}),
        (3, {"buyer": 1, "lead": 2}),
    ]


def test_counting_keeps_nothing_and_a_live_run_counts_the_same(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counted(project, url, "stages")
    before = sizes(json.loads(capsys.readouterr().out))
    engine = opened_at(url)
    with engine.connect() as connection:
        kept = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.stage_interval, tables.segment_interval, tables.definition)
        ]
    located = ["--project", str(project), "--db", url, "--at", NOW.isoformat()]
    assert answer(["run", *located, "-o", "json"]) == 0
    lived = json.loads(capsys.readouterr().out)["stages"]
    counted(project, url, "stages")
    after = sizes(json.loads(capsys.readouterr().out))
    engine.dispose()

    assert kept == [0, 0, 0]
    assert before == lived == after


def test_a_person_reads_the_numbers_beside_the_names(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    located = ["--project", str(project), "--db", url, "--at", NOW.isoformat()]
    assert answer(["ls", "stages", "--count", *located]) == 0

    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split()[:2] == ["buyer", "2"]
    assert printed.err == "2 stages of 3 customers, Mon 2 March 2026 10:00 Europe/Vienna\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--count"], "--count is for segments and stages"),
        (["messages", "--count"], "--count is for segments and stages"),
        (["segments", "--at", "2026-03-02"], "--at is for --count"),
        (["segments", "--db", "sqlite:///x.db"], "--db is for --count"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    arguments: list[str], said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["ls", *arguments, "--project", str(project)]) == 2
    assert said in capsys.readouterr().err
