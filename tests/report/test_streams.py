from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import count

from told import LINES, decision, failed

from orchestrator.records.ticks import DecisionLine
from orchestrator.report.contracts import Telling, as_it_is
from orchestrator.report.streams import csv_lines, json_lines


def read_csv(lines: Iterator[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("\n".join(lines) + "\n", newline="")))


def test_each_decision_is_one_line_of_json() -> None:
    lines = list(json_lines(LINES, Telling(as_it_is, rendered=True)))

    assert [json.loads(line)["customer"] for line in lines] == [line.customer for line in LINES]
    assert not any("\n" in line for line in lines)


def test_text_stays_as_it_is_in_json() -> None:
    (line,) = json_lines([decision(subject="Grüße 👋")], Telling(as_it_is))

    assert "Grüße 👋" in line


def test_csv_has_the_columns_of_the_json() -> None:
    rows = read_csv(csv_lines(LINES, Telling(as_it_is)))

    assert list(rows[0])[-3:] == ["detail", "error_code", "error_message"]
    assert rows[3]["error_code"] == "undefined"
    assert rows[0]["reason"] == ""


def test_csv_cells_may_hold_line_ends_and_quotes() -> None:
    text = 'He said "hi"\nand left'

    (row,) = read_csv(csv_lines([decision(text=text)], Telling(as_it_is, rendered=True)))

    assert row["text"] == text


def test_csv_cells_run_as_no_formula_unless_raw() -> None:
    sly = decision(subject="=cmd|' /C calc'!A0", to="+436641234567")

    (inert,) = read_csv(csv_lines([sly], Telling(as_it_is)))
    (raw,) = read_csv(csv_lines([sly], Telling(as_it_is, raw=True)))

    assert (inert["subject"][0], inert["to"][0]) == ("'", "'")
    assert (raw["subject"], raw["to"]) == (sly.subject, sly.to)


def test_streams_take_one_line_at_a_time() -> None:
    endless: Iterator[DecisionLine] = (failed(f"c_{number}") for number in count())

    stream = json_lines(endless, Telling(as_it_is))

    assert json.loads(next(stream))["customer"] == "c_0"
    assert json.loads(next(stream))["customer"] == "c_1"
