"""``clmctl simulate`` from files and a database to what it prints."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from databases import opened_at
from jsonschema import Draft7Validator
from reference.loading import load
from reference.world import ConsentAct, Happening, Person, World
from small_project import write_project

from orchestrator.cli.shell import answer

SCHEMAS = Path(__file__).parents[2] / "schemas" / "cli"
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
CLICKS = ["--assume", "opened=80%,clicked=50%", "--assume", "purchase=10%"]


def shop() -> World:
    """Return forty people who sign up over a month; every fourth has not subscribed."""
    ids = [f"c_{number:02}" for number in range(40)]
    return World(
        people=tuple(
            Person(id, email=f"{id}@example.com", attributes={"country": "AT"}) for id in ids
        ),
        happenings=tuple(
            Happening(f"e_{id}", id, "signed_up", BEGIN + timedelta(hours=18 * number + 1))
            for number, id in enumerate(ids)
        ),
        consents=tuple(ConsentAct(id, "newsletter") for n, id in enumerate(ids) if n % 4),
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


@pytest.fixture
def url(sqlite_url: str) -> str:
    engine = opened_at(sqlite_url)
    load(engine, shop(), ZoneInfo("Europe/Vienna"))
    engine.dispose()
    return sqlite_url


def simulate(project: Path, url: str, *more: str, days: int = 21) -> int:
    located = ["--project", str(project), "--db", url]
    span = ["--from", "2026-03-02T10:00", "--days", str(days), "--every", "6h"]
    return answer(["simulate", *located, *span, *more])


def validated(name: str, printed: Any) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(printed)
    return printed


def test_decisions_are_those_of_run_in_order_of_time(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(project, url, "-o", "jsonl", *CLICKS) == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) > 20
    for line in lines:
        validated("decision", line)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert {line["to"] for line in lines if line["channel"] == "email"} == {"c***@e***.com"}


def test_the_same_seed_prints_the_same_bytes(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for seed in ("a", "a", "b"):
        simulate(project, url, "-o", "jsonl", "--seed", seed, *CLICKS)
        printed.append(capsys.readouterr().out)

    assert printed[0] == printed[1]
    assert printed[0] != printed[2]


def test_the_figures_fit_their_schema(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(project, url, "-o", "json", *CLICKS) == 0

    document = validated("simulate", json.loads(capsys.readouterr().out))
    assert document["ticks"] == 84
    assert document["assumed"] == {"opened": "80%", "clicked": "50%", "purchase": "10%"}
    assert document["sends"] == sum(one["sends"] for one in document["volumes"])
    assert list(document["flows"]) == ["welcome"]


def test_nothing_is_kept(project: Path, url: str) -> None:
    database = Path(url.removeprefix("sqlite:///"))
    before = hashlib.sha256(database.read_bytes()).digest()

    simulate(project, url, *CLICKS)

    assert hashlib.sha256(database.read_bytes()).digest() == before
    assert [path.name for path in database.parent.glob(f"{database.name}*")] == [database.name]
    assert not (project / "outbox").exists()


def test_people_get_a_calendar_in_80_columns(
    project: Path, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert simulate(project, url, "--limit", "2", *CLICKS, days=42) == 0

    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for said in (
        "Messages per day", "welcome email", "busiest day", "in their busiest week",
        "First messages", "afresh", "nothing is sent",
    ):  # fmt: skip
        assert said in out


def test_few_days_are_told_in_numbers(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(project, url, days=4)

    assert "Mon 2 Mar" in capsys.readouterr().out


def test_limit_ends_a_stream(project: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(project, url, "-o", "csv", "--limit", "3") == 0

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 3


def test_a_message_that_cannot_be_rendered_is_told(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    template = project / "templates" / "hello" / "email.md.j2"
    template.write_text("---\nsubject: Hi\n---\n{{ 1 / (customer.country == 'X') }}\n", "utf-8")

    assert simulate(project, url, "-o", "jsonl", days=3) == 1

    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[0])["error"]["code"]
    assert "cannot be rendered" in captured.err


def test_a_report_is_written(project: Path, url: str, tmp_path: Path) -> None:
    page = tmp_path / "out.html"

    assert simulate(project, url, "--report", str(page), *CLICKS) == 0

    assert "<svg" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--every", "1 month"], "no time between two ticks"),
        (["--every", "soon"], "no time between two ticks"),
        (["--assume", "clickd=4%"], 'did you mean "clicked"'),
        (["--report", "nowhere/out.html"], "there is no folder nowhere"),
        (["-o", "jsonl", "--report", "out.html"], "goes with -o human or json"),
        (["--from", "tomorrow"], "is not a time"),
        (["--from", "9999-12-30", "--days", "10", "--every", "1d"], "go beyond the calendar"),
        (["--from", "9999-12-31T23:59", "--days", "1"], "go beyond the calendar"),
        (["--from", "0001-01-01", "--days", "1"], "too early"),
        (["--select", "welcom"], "no flow matches"),
        (["-o", "xml"], "takes no"),
    ],
)
def test_what_is_not_understood_is_refused(
    arguments: list[str], said: str, project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["simulate", "--project", str(project), "--db", url, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_calendars_last_whole_weeks_are_simulated(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ["--from", "9999-12-10", "--days", "14", "--every", "1d", "--assume", "purchase=100%"]

    assert answer(["simulate", "--project", str(project), "--db", url, *span]) == 0
    assert "Total" in capsys.readouterr().out


def test_a_project_without_a_database_is_simulated_empty(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLM_DATABASE_URL", raising=False)

    assert answer(["simulate", "--project", str(project), "--days", "1"]) == 0
    assert "0 messages" in capsys.readouterr().out
