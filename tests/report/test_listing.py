from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from small_project import write_project
from told import NOW

from orchestrator.app import open_project
from orchestrator.errors import UsageError
from orchestrator.playbook.model import Playbook
from orchestrator.records.ticks import Sizes
from orchestrator.report.listing import ROWS, ls_document, with_pauses, with_sizes

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "ls.schema.json"


@pytest.fixture(scope="module")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> Playbook:
    return open_project(write_project(tmp_path_factory.mktemp("project"))).playbook


@pytest.mark.parametrize("what", list(ROWS))
def test_every_listing_fits_its_schema(playbook: Playbook, what: str) -> None:
    rows = ROWS[what](playbook, (), ())
    document = ls_document(what, with_pauses(rows, {}) if what == "flows" else rows)

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(json.loads(json.dumps(document)))
    assert document["items"]


def test_conditions_are_told_in_one_line(playbook: Playbook) -> None:
    rows = {row["name"]: row["when"] for row in ROWS["segments"](playbook, (), ())}

    assert rows["away"] == "not (country is AT or did purchase)"


def test_messages_name_the_flows_that_send_them(playbook: Playbook) -> None:
    rows = {row["name"]: row["flows"] for row in ROWS["messages"](playbook, (), ())}

    assert rows["hello"] == ["welcome", "win_back"]


def test_sizes_stand_with_the_rows_and_fit_the_schema(playbook: Playbook) -> None:
    sizes = Sizes(NOW, 7, {"buyer": 2, "lead": 5}, {"away": 0, "big": 1})

    rows = with_sizes("stages", ROWS["stages"](playbook, (), ()), sizes)
    document = ls_document("stages", rows, sizes)

    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    assert [(row["name"], row["customers"]) for row in rows] == [("buyer", 2), ("lead", 5)]
    assert (document["now"], document["customers"]) == ("2026-03-02T09:00:00Z", 7)


def test_patterns_choose_by_name(playbook: Playbook) -> None:
    rows = ROWS["segments"](playbook, ["a*"], ())

    assert [row["name"] for row in rows] == ["away"]
    assert ROWS["segments"](playbook, (), ["big"]) == rows
    with pytest.raises(UsageError, match='nothing matches "bgi"'):
        ROWS["segments"](playbook, ["bgi"], ())
    with pytest.raises(UsageError, match='nothing matches "bgi"'):
        ROWS["segments"](playbook, (), ["bgi"])
