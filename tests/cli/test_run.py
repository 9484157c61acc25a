"""``clmctl run`` from files and a database to what it prints."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from databases import opened_at
from harness import Shop
from jsonschema import Draft7Validator
from reference.loading import load
from reference.world import ConsentAct, Happening, Person, World
from small_project import write_project

from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow

SCHEMAS = Path(__file__).parents[2] / "schemas" / "cli"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SINCE = "2026-03-01"
HELLO = '---\nsubject: "Hello {{ customer.country }}"\n---\nHello from {{ customer.country }}.\n'


def shop(people: int = 6) -> World:
    """Return customers of whom every second has no consent, and one no country."""
    ids = [f"c_{number}" for number in range(people)]
    return World(
        people=tuple(
            Person(
                id, email=f"{id}@example.com", attributes={} if id == "c_4" else {"country": "AT"}
            )
            for id in ids
        ),
        happenings=tuple(
            Happening(f"e_{id}", id, "signed_up", NOW - timedelta(hours=1)) for id in ids
        ),
        consents=tuple(ConsentAct(id, "newsletter") for id in ids[::2]),
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose ``hello`` greets with the country, and that whoever signs up gets."""
    folder = write_project(tmp_path / "project")
    flow = folder / "playbooks" / "flows" / "welcome.yaml"
    text = flow.read_text(encoding="utf-8")
    before, _, after = text.partition("audience:")
    flow.write_text(before + "re_entry:" + after.partition("re_entry:")[2], encoding="utf-8")
    (folder / "templates" / "hello" / "email.md.j2").write_text(HELLO, encoding="utf-8")
    return folder


@pytest.fixture
def url(database_url: str) -> str:
    engine = opened_at(database_url)
    load(engine, shop(), ZoneInfo("Europe/Vienna"))
    engine.dispose()
    return database_url


def run(project: Path, url: str, *more: str, at: datetime = NOW) -> int:
    located = ["--project", str(project), "--db", url, "--at", at.isoformat()]
    return answer(["run", *located, *more])


def preview(project: Path, url: str, *more: str) -> int:
    return run(project, url, "--dry-run", "--as-live-since", SINCE, *more)


def validate(name: str, printed: Any) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft7Validator(schema).validate(printed)


def test_preview_tells_each_decision_in_order(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = preview(project, url, "-o", "jsonl", "--render", "--reveal")

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for one in told:
        validate("decision", one)
    assert [(one["customer"], one["decision"], one["reason"]) for one in told] == [
        ("c_0", "send", None),
        ("c_1", "suppress", "consent"),
        ("c_2", "send", None),
        ("c_3", "suppress", "consent"),
        ("c_4", "send", None),
        ("c_5", "suppress", "consent"),
    ]
    assert (told[0]["to"], told[0]["subject"]) == ("c_0@example.com", "Hello AT")
    assert told[0]["text"].startswith("Hello from AT.")
    assert told[4]["error"]["code"]
    assert code == 1


def test_what_is_attached_is_told_where_a_message_is_shown(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "templates" / "hello"
    (folder / "terms.pdf").write_bytes(b"%PDF" + b"x" * 41_000)
    (folder / "message.yaml").write_text("attachments: [terms.pdf]\n")
    printed = {}
    for form in ("human", "jsonl", "csv"):
        preview(project, url, "-o", form, "--render")
        printed[form] = capsys.readouterr().out

    told = [json.loads(line) for line in printed["jsonl"].splitlines()]
    for one in told:
        validate("decision", one)
    assert [one["attachments"] for one in told[:2]] == [
        [{"name": "terms.pdf", "content_type": "application/pdf", "octets": 41_004}],
        None,
    ]
    cells = list(csv.DictReader(io.StringIO(printed["csv"])))
    assert [one["attachments"] for one in cells[:2]] == ["terms.pdf", ""]
    assert "Attached: terms.pdf (42 KB)" in printed["human"]


def test_addresses_are_masked_unless_revealed(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    preview(project, url, "-o", "jsonl", "--render")

    printed = capsys.readouterr()
    assert '"to": "c***@e***.com"' in printed.out
    assert "@example.com" not in printed.out + printed.err


def test_numbers_fit_their_schema_and_agree_with_the_lines(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    preview(project, url, "-o", "json")

    document = json.loads(capsys.readouterr().out)
    validate("run", document)
    assert document["customers"] == 6
    assert document["sends"] == 3
    assert document["flows"]["welcome"]["suppressed"] == {"consent": 3}
    assert document["now"] == "2026-03-02T09:00:00Z"


def test_csv_has_a_row_per_decision(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    preview(project, url, "-o", "csv")

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [row["customer"] for row in rows] == [f"c_{number}" for number in range(6)]


def test_page_shows_flows_samples_and_what_next(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preview(project, url) == 1

    printed = capsys.readouterr()
    assert "welcome  6 enter · 3 sends" in printed.out
    assert "3 no consent" in printed.out
    assert "      Hello AT\n      Hello from AT." in printed.out
    assert "Messages that cannot be rendered" in printed.out
    assert "count as live since" in printed.err
    assert "Next: clmctl" in printed.err


def test_preview_keeps_nothing(
    project: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = opened_at(sqlite_url)
    load(engine, shop(), ZoneInfo("Europe/Vienna"))
    engine.dispose()
    database = Path(sqlite_url.removeprefix("sqlite:///"))
    before = database.read_bytes()
    files = sorted(project.rglob("*"))

    preview(project, sqlite_url)

    assert database.read_bytes() == before
    assert sorted(project.rglob("*")) == files
    assert capsys.readouterr().out


def test_drafts_are_live_in_previews_that_name_them_alone(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def flows(*more: str) -> list[str]:
        run(project, url, "-o", "json", *more)
        return list(json.loads(capsys.readouterr().out)["flows"])

    assert flows("--dry-run", "--as-live-since", SINCE) == ["welcome"]
    assert flows("--dry-run", "--as-live-since", SINCE, "--select", "win*") == ["win_back"]
    assert flows("--dry-run", "--select", "win_back") == []
    assert flows("--select", "win_back") == []


def test_preview_is_what_the_run_then_does(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(project, url, at=NOW - timedelta(hours=2))
    capsys.readouterr()

    run(project, url, "--dry-run", "-o", "jsonl", "--reveal")
    previewed = capsys.readouterr().out
    run(project, url, "-o", "jsonl", "--reveal")
    done = capsys.readouterr().out

    assert previewed.count("\n") == 6
    assert previewed == done


def test_the_same_instant_twice_does_nothing_the_second_time(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(project, url, at=NOW - timedelta(hours=2))
    run(project, url)
    capsys.readouterr()

    assert run(project, url, "-o", "jsonl") == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "nothing was done" in printed.err


def test_preview_of_the_past_exits_2(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(project, url)

    assert run(project, url, "--dry-run", at=NOW - timedelta(days=1)) == 2
    assert "before the latest tick" in capsys.readouterr().err


def test_a_live_run_notes_how_far_the_database_has_come(
    shop: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write().customers(ann={}).import_facts()
    words = ["--project", str(shop.folder), "--db", database_url]
    assert answer(["run", "--at", "2026-03-02T09:00Z", *words]) == 0
    (note,) = (shop.folder / ".clm").glob("instance*.json")
    said = json.loads(note.read_text(encoding="utf-8"))
    assert (said["ticks"], said["last_tick"]) == (1, "2026-03-02T09:00:00+00:00")
    note.write_text(json.dumps({**said, "ticks": 9}), encoding="utf-8")
    capsys.readouterr()

    assert answer(["run", "--at", "2026-03-02T10:00Z", *words]) == 0
    assert "restored from a backup" in " ".join(capsys.readouterr().err.split())
    assert json.loads(note.read_text(encoding="utf-8"))["ticks"] == 9, "the doubt stays"


@pytest.fixture
def mailing(shop: Shop, database_url: str) -> list[str]:
    """A shop that has one mail to write, where no folder can be; the options that name it."""
    flow = (
        "flow: hello\nstatus: live\nstarts_when: {did: signed_up}\nsteps: [{send: hi, topic: news}]"
    )
    shop.write(hello=flow, channels="channels: {email: {adapter: file}}").customers(ann={}).tick(
        "2026-03-01T09:00"
    )
    shop.event("ann", "signed_up", "2026-03-02T08:00").import_facts()
    (shop.folder / "outbox").write_text("no folder", encoding="utf-8")
    return ["--at", "2026-03-02T09:00Z", "--project", str(shop.folder), "--db", database_url]


def test_a_live_run_says_what_did_not_leave(
    mailing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["run", *mailing]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "email: 1 to be tried again (clmctl outbox list says why)" in said


def test_a_live_run_says_that_nothing_may_leave(
    mailing: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLM_SEND", "off")
    assert answer(["run", *mailing]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "nothing is sent:" in said
    assert "CLM_SEND is off" in said


@pytest.mark.parametrize(
    "verb",
    [["run", "--dry-run"], ["explain", "ann", "--flow", "hello"], ["ls", "stages", "--count"]],
)
def test_what_looks_at_now_is_not_before_a_scheduler_whose_clock_is_ahead(
    verb: list[str], mailing: list[str]
) -> None:
    ahead = utcnow() + timedelta(seconds=30)
    assert answer(["run", "--at", ahead.isoformat(), *mailing[2:]]) == 0
    assert answer([*verb, *mailing[2:]]) == 0
    assert answer([*verb, "--at", (ahead - timedelta(seconds=1)).isoformat(), *mailing[2:]]) == 2
