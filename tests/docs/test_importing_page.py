"""The examples of ``docs/importing.md`` do what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from loading import rows

from orchestrator.cli.shell import answer
from orchestrator.database import open_engine

PAGE = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's files, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLM_DATABASE_URL", "page.db")
    orders, lines = _blocks("csv")
    Path("orders.csv").write_text(orders, encoding="utf-8")
    Path("lines.csv").write_text(lines, encoding="utf-8")
    (sessions,) = _blocks("json")
    Path("sessions.jsonl").write_text(sessions, encoding="utf-8")


@pytest.mark.parametrize("number", [0, 2], ids=["transactions", "invoice_lines"])
def test_what_an_import_prints(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    command, _, expected = _blocks("console")[number].replace("\\\n", "").partition("\n")
    assert answer(shlex.split(command.removeprefix("$ clmctl "))) in (0, 1)
    said = capsys.readouterr()
    assert said.out + said.err == expected


def test_the_lines_before_the_import_make_invoices() -> None:
    script = _blocks("python")[0]
    subprocess.run([sys.executable, "-c", script], check=True)
    assert answer(["import", "events", "invoices.csv"]) == 0
    found = rows(
        open_engine("page.db"),
        "SELECT e.name, v.money FROM event e JOIN event_value v ON v.event_id = e.id"
        " WHERE v.name LIKE '%.amount' ORDER BY e.name",
    )
    assert found == [("cancelled", -275_000), ("purchase", 559_800)]


def test_the_lines_before_the_import_make_events_of_sessions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = _blocks("python")[1]
    subprocess.run([sys.executable, "-c", script], check=True)
    said = next(block for block in _blocks("console") if "log.jsonl" in block)
    command, _, expected = said.replace("\\\n", "").partition("\n")
    assert answer(shlex.split(command.removeprefix("$ clmctl "))) == 0
    told = capsys.readouterr()
    assert told.out + told.err == expected
    found = rows(open_engine("shop.db"), "SELECT name, occurred_at FROM event ORDER BY id")
    assert found[-1] == ("carts", 1_659_304_800_025_000)
