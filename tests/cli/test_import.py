"""``clmctl import``: what it prints, what it leaves behind, what it exits with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from loading import rows
from small_project import write_project

from orchestrator.cli.shell import answer
from orchestrator.database import open_engine

EVENTS = "customer_id,event,at,amount\nanna,purchase,2026-03-02,5\nben,purchase,2026-03-02,x\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is no project, and no database in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLM_DATABASE_URL", raising=False)
    return tmp_path


def test_a_file_without_a_project_needs_only_a_database(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("e.csv").write_text(EVENTS)
    assert answer(["import", "events", "e.csv", "--db", "shop.db"]) == 0
    said = capsys.readouterr()
    assert said.out == "events: 2 loaded, 0 unchanged, 0 rejected\n"
    assert "2 new customers made by their events" in said.err
    assert sorted(os.listdir(here)) == ["e.csv", "shop.db"]


def test_without_project_and_database_nothing_is_guessed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("e.csv").write_text(EVENTS)
    assert answer(["import", "events", "e.csv"]) == 2
    assert "there is no project here" in capsys.readouterr().err


def test_the_projects_zone_and_catalog_count(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(here)
    Path("e.csv").write_text(EVENTS)
    assert answer(["import", "events", "e.csv"]) == 0
    engine = open_engine(str(here / ".clm" / "clm.db"))
    assert rows(engine, "SELECT count(*) FROM event") == [(2,)]


def test_rejected_rows_are_exit_one_and_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("e.csv").write_text(EVENTS + ",purchase,2026-03-02,5\n")
    assert answer(["import", "events", "e.csv", "--db", "shop.db"]) == 1
    said = capsys.readouterr()
    assert said.out == "events: 2 loaded, 0 unchanged, 1 rejected\n"
    assert "1 row rejected: see e.rejects.csv" in said.err
    assert "customer_id: empty" in said.err
    assert (here / "e.rejects.csv").read_text().splitlines()[1].startswith("4,customer_id: empty,")


def test_the_result_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.csv").write_text("id,email\nanna,a@example.com\nben,no\n")
    command = [
        "import",
        "customers",
        "c.csv",
        "--db",
        "shop.db",
        "-o",
        "json",
        "--rejects",
        "r.csv",
    ]
    assert answer(command) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["format"] == "clmctl.import/1"
    assert [told[key] for key in ("loaded", "updated", "unchanged", "rejected")] == [1, 0, 0, 1]
    assert told["rejects"] == "r.csv"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["event", "e.csv"], 2, "did you mean"),
        (["events", "no.csv"], 5, "cannot be read: No such file"),
        (["events", "e.xls"], 2, "does not say what format"),
        (["events", "e.csv", "--map", "date"], 2, "is not COLUMN=FIELD"),
        (["events", "e.csv", "--delimiter", ";;"], 2, "is not one character"),
        (["events", "e.csv", "--timezone", "Vienna"], 2, "no IANA time zone"),
        (["events", "e.csv", "--time-format", "ISO"], 2, "no pattern of a time"),
        (["events", "e.csv", "--rejects", "e.csv"], 2, "the imported file itself"),
        (["events", "e.csv", "--rejects", "no/r.csv"], 5, "cannot be written"),
        (["receipts", "e.csv"], 1, "no column “message”, “kind”"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("e.csv").write_text(EVENTS + ",purchase,2026-03-02,5\n")
    assert answer(["import", *arguments, "--db", "shop.db"]) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_wrong_database_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    Path("e.csv").write_text(EVENTS)
    for url in ("oracle://x", "e.csv", "no/where.db", "postgresql://me:secret@127.0.0.1:1/x"):
        assert answer(["import", "events", "e.csv", "--db", url]) == 5
        assert "secret" not in capsys.readouterr().err


def test_control_c_is_one_sentence_and_the_rest_can_be_loaded(here: Path) -> None:
    lines = (f"c{n},visit,2026-03-02,{n}\n" for n in range(300_000))
    Path("e.csv").write_text("customer_id,event,at,x\n" + "".join(lines))
    script = (
        "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from orchestrator.importing import csv_source, run\n"
        "csv_source.BATCH_ROWS = run.TRANSACTION_ROWS = 1_000\n"
        "from orchestrator.cli.shell import answer\nprint('ready', flush=True)\n"
        "sys.exit(answer(['import', 'events', 'e.csv', '--db', 'shop.db']))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(200):
            if Path("shop.db-wal").exists():
                break
            signal.sigtimedwait([], 0.05)
        signal.sigtimedwait([], 1.0)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "Interrupted" in said
    assert "loads the rest" in said
    assert "Traceback" not in said


def test_what_the_file_lacks_is_one_short_note(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(here)
    properties = ", ".join(f"p{number}: text" for number in range(9))
    (here / "playbooks" / "catalog.yaml").write_text(f"events:\n  purchase: {{{properties}}}\n")
    Path("e.csv").write_text(
        "customer_id,event,at,p0\na,purchase,2026-03-02,x\nb,purchase,2026-03-02,\n"
    )
    answer(["import", "events", "e.csv"])
    said = capsys.readouterr().err
    assert "no row has it: purchase.p1, purchase.p2, purchase.p3, purchase.p4 and 4 more" in said
    assert "missing values: purchase.p0 1\n" in said


def test_columns_that_the_catalog_computes_and_topics_that_run_together_are_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(here)
    catalog = here / "playbooks" / "catalog.yaml"
    computed = "{country: text, orders: {count_of: purchase}}"
    catalog.write_text(catalog.read_text().replace("{country: text}", computed))
    Path("c.csv").write_text("id,country,orders,subscribed_to\nanna,AT,3,newsletter|offers\n")
    assert answer(["import", "customers", "c.csv"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "computed from events, whatever the file says of it: orders" in said
    assert "of no use in rules: column topic newsletter|offers" in said
    assert 'separated by ";"' in said


def test_receipts_of_unknown_messages_load_with_a_note(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(here)
    message = next(one.name for one in (here / "templates").iterdir() if one.is_dir())
    Path("c.csv").write_text("id\nanna\n")
    Path("r.csv").write_text(
        "customer_id,message,kind,at\n"
        f"anna,{message},opened,2026-03-02\nanna,{message}x,opened,2026-03-02\n"
    )
    answer(["import", "customers", "c.csv"])
    assert answer(["import", "receipts", "r.csv"]) == 0
    said = capsys.readouterr()
    assert "receipts: 2 loaded" in said.out
    note = f"1 receipt of messages that the project does not have: {message}x (did you mean {message}?)"
    assert note in said.err
