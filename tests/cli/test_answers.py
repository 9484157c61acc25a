from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from told import LINES, REPORT, decision, failed, refusal

from orchestrator.cli.answers import Asked, Form, restricted, show_tick
from orchestrator.records.ticks import DecisionLine
from orchestrator.report.contracts import Telling
from orchestrator.selection import Selection

ALL = Selection(frozenset(REPORT.flows), frozenset())
NURTURE = Selection(frozenset({"nurture"}), frozenset({"nurture"}))


def asked(form: Form, selection: Selection = ALL, limit: int | None = None) -> Asked:
    telling = Telling(lambda _channel, address: f"{address[:1]}***")
    return Asked(form, selection, telling, ZoneInfo("UTC"), limit)


def test_jsonl_prints_decisions_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    show_tick(REPORT, LINES, asked("jsonl"))

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["customer"] for line in lines] == ["c_1", "c_2", "c_3", "c_4", "c_5"]


def test_json_prints_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    show_tick(REPORT, LINES, asked("json"))

    assert json.loads(capsys.readouterr().out)["format"] == "clmctl.run/1"


def test_csv_prints_a_header_and_decisions(capsys: pytest.CaptureFixture[str]) -> None:
    show_tick(REPORT, LINES, asked("csv"))

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [row["to"] for row in rows] == ["a***", "'+***", "", "a***", ""]


def test_human_page_is_the_result_and_the_rest_are_messages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_tick(REPORT, LINES, asked("human"))

    printed = capsys.readouterr()
    assert printed.out.startswith("Preview of Mon 2 March 2026 09:00 UTC")
    assert "note: 2 customers have a time zone" in printed.err
    assert "Next: clmctl" in printed.err


@pytest.mark.parametrize("form", ["human", "json", "jsonl", "csv"])
def test_exit_code_is_1_if_a_message_cannot_be_rendered(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_tick(REPORT, [failed("c_1")], asked(form)) == 1
    assert show_tick(REPORT, [decision()], asked(form)) == 0
    assert "customer.first_name is missing" in "".join(capsys.readouterr())


def test_only_selected_flows_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code = show_tick(REPORT, LINES, asked("jsonl", NURTURE))

    flows = {json.loads(line)["flow"] for line in capsys.readouterr().out.splitlines()}
    assert flows == {"nurture"}
    assert code == 0


def test_sends_of_a_restricted_report_are_its_flows() -> None:
    report = restricted(REPORT, NURTURE)

    assert list(report.flows) == ["nurture"]
    assert report.sends == 833


def test_limit_ends_the_reading(capsys: pytest.CaptureFixture[str]) -> None:
    endless: Iterator[DecisionLine] = (decision(f"c_{number}") for number in count())

    assert show_tick(REPORT, endless, asked("jsonl", limit=3)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_limit_counts_selected_decisions(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [decision("c_1"), *(refusal(f"c_{n}", "nurture", "hold", "volume") for n in range(9))]

    show_tick(REPORT, lines, asked("jsonl", NURTURE, limit=2))

    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_cut_page_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_tick(REPORT, LINES, asked("human", limit=2))

    assert "rendered the first 2 decisions only" in capsys.readouterr().out
