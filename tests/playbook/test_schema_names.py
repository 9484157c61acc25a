"""Schemas with the project's names take what is defined and refuse what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from plain_values import plain

from orchestrator.language.nodes import MapNode
from orchestrator.playbook.read import read_project
from orchestrator.playbook.schema import schemas
from orchestrator.playbook.schema_names import names_in
from orchestrator.playbook.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
NAMES = names_in(read_project(ROOT, {}))
VALIDATOR = Draft7Validator(schemas(NAMES)["playbook.schema.json"])
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yaml"))

RIGHT: list[Any] = [
    {"did": "purchase"},
    {"attribute": "country", "is": "ID"},
    {"attribute": "email", "is_set": True},
    {"attribute": "entry.cart_value", "at_least": 5},
    {"total_of": "purchase.amount", "at_least": 5},
    {"in_stage": "lead"},
    {"in_segment": "promoters"},
    {"received": "any"},
    {"received": "welcome/any"},
    {"clicked": "welcome/welcome_hello"},
    {"clicked": "welcome_hello"},
    {"subscribed_to": "newsletter"},
    {"reachable_on": "push"},
    {"did": "$event"},
]
WRONG: list[Any] = [
    {"did": "purchse"},
    {"attribute": "contry", "is": "ID"},
    {"total_of": "purchase.amout", "at_least": 5},
    {"in_stage": "leed"},
    {"in_segment": "promotors"},
    {"received": "welcom/any"},
    {"clicked": "welcome/welcome_helo"},
    {"subscribed_to": "newslettr"},
    {"reachable_on": "fax"},
    {"reachable_on": "preferred"},
]


def _refused(condition: Any) -> bool:
    return not VALIDATOR.is_valid({"segments": {"some": condition}})


@pytest.mark.parametrize("condition", RIGHT, ids=str)
def test_a_defined_name_is_taken(condition: Any) -> None:
    assert not _refused(condition)


@pytest.mark.parametrize("condition", WRONG, ids=str)
def test_an_unknown_name_is_refused(condition: Any) -> None:
    assert _refused(condition)


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_the_example_programme_pleases_its_own_schema(path: Path) -> None:
    node = read_yaml(path.read_text("utf-8"), path.name, [])
    assert isinstance(node, MapNode)
    assert [error.message for error in VALIDATOR.iter_errors(plain(node))] == []


def test_preferred_stands_among_channels_only() -> None:
    def flow(step: Any) -> Any:
        return {"flow": "x", "starts_when": {"did": "purchase"}, "steps": [step]}

    assert VALIDATOR.is_valid(flow({"send": "we_miss_you", "channels": ["preferred", "email"]}))
    assert not VALIDATOR.is_valid(flow({"send": "we_miss_you", "channel": "preferred"}))


def test_a_project_without_senders_takes_no_sender() -> None:
    validator = Draft7Validator(schemas({**NAMES, "sender": ()})["project.schema.json"])
    project = {"project": "x", "timezone": "UTC", "defaults": {"from": "hello"}}

    assert not validator.is_valid(project)
    Draft7Validator.check_schema(validator.schema)
