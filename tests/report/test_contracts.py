from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from told import EXPLAINED, LINES, NOW, REPORT, decision, failed

from orchestrator.report.contracts import (
    Telling,
    as_it_is,
    decision_object,
    explain_document,
    instant_text,
    run_document,
)

SCHEMAS = Path(__file__).parents[2] / "schemas" / "cli"


def validate(name: str, document: Any) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("rendered", [False, True])
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.decision)
def test_every_decision_fits_its_schema(line: Any, rendered: bool) -> None:
    validate("decision", decision_object(line, Telling(as_it_is, rendered)))


def test_keys_of_a_decision_are_in_the_contracts_order() -> None:
    told = decision_object(decision(), Telling(as_it_is))

    assert " ".join(told) == (
        "customer flow step message channel to decision reason at due_at subject variant entry "
        "detail error"
    )
    assert list(decision_object(decision(), Telling(as_it_is, rendered=True)))[-3:] == [
        "text",
        "html",
        "attachments",
    ]


def test_channel_to_and_subject_are_of_sends_alone() -> None:
    held = replace(decision(), decision="hold", reason="frequency")

    told = decision_object(held, Telling(as_it_is, rendered=True))

    keys = ("channel", "to", "subject", "text", "html", "attachments")
    assert [told[key] for key in keys] == [None] * 6


def test_render_failure_is_a_send_with_its_error() -> None:
    told = decision_object(failed("c_1"), Telling(as_it_is))

    assert told["decision"] == "send"
    assert told["error"] == {"code": "undefined", "message": "customer.first_name is missing"}


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (NOW, "2026-03-02T09:00:00Z"),
        (NOW + timedelta(microseconds=5), "2026-03-02T09:00:00.000005Z"),
        (datetime(2026, 3, 2, 10, tzinfo=timezone(timedelta(hours=1))), "2026-03-02T09:00:00Z"),
    ],
)
def test_times_are_utc_with_microseconds_only_if_there_are_any(
    instant: datetime, text: str
) -> None:
    assert instant_text(instant) == text


def test_run_document_fits_its_schema_and_leaves_out_what_did_not_occur() -> None:
    document = run_document(REPORT)

    validate("run", document)
    assert document["flows"]["nurture"]["exited"] == {"completed": 2, "goal": 30}
    assert list(document)[:6] == ["format", "now", "release", "dry_run", "customers", "flows"]
    assert list(document["flows"]["nurture"])[:6] == [
        "entered",
        "exited",
        "sends",
        "held",
        "suppressed",
        "left_out",
    ]


def test_explain_document_fits_its_schema() -> None:
    document = explain_document(EXPLAINED)

    validate("explain", document)
    assert document["state"]["ended_at"] == "2026-03-02T09:00:00Z"
    assert list(document["conditions"][0])[:5] == ["path", "says", "holds", "actual", "at"]
