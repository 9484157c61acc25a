"""What verbs print as JSON fits the schemas that scripts rely on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from small_project import write_project

from orchestrator.cli.render import document
from orchestrator.cli.shell import answer
from orchestrator.records.sends import CustomerFacts, Rendered, RenderFailure, Send

SCHEMAS = Path(__file__).parents[2] / "schemas" / "cli"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEND = Send(
    CustomerFacts(1, "c_1", "anna@example.com", None, None, None, None),
    flow="welcome",
    entry=1,
    step="hello",
    occurrence="0",
    message="hello",
    channel="email",
    variant=None,
    at=NOW,
    due_at=NOW,
)


def validate(name: str, printed: Any) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(printed)


@pytest.mark.parametrize(
    "text", ["stages:\n  - {stage: a, whn: {did: purchase}}\n", "stages: [\n", "\x00"]
)
def test_check_prints_what_its_schema_says(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path, playbooks__stages=text)

    assert answer(["check", "-o", "json", "--project", str(tmp_path)]) == 1

    printed = json.loads(capsys.readouterr().out)
    assert printed["problems"]
    validate("check", printed)


@pytest.mark.parametrize("what", ["flows", "segments", "stages", "messages"])
def test_ls_prints_what_its_schema_says(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["ls", what, "-o", "json", "--project", str(write_project(tmp_path))]) == 0

    validate("ls", json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    "result",
    [
        Rendered("a***@e***.com", "Hello", None, "Hello.", "<p>Hello.</p>", "en"),
        RenderFailure("undefined", "customer.first_name is missing"),
    ],
    ids=["rendered", "failed"],
)
def test_render_tells_what_its_schema_says(result: Rendered | RenderFailure) -> None:
    validate("render", json.loads(json.dumps(document(SEND, result))))
