"""The JSON Schemas say what the reader says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from documents import mutated, read_codes, valid
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from orchestrator.playbook.schema import DOCUMENTS, schemas

ALL = schemas()
VALIDATORS = {name: Draft7Validator(schema) for name, schema in ALL.items()}
BEYOND_SHAPE = {"CLM203", "CLM301"}
"""Unknown variables, and shares that do not add up: names and meaning."""
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _complaints(file: str, document: Any) -> list[str]:
    return [error.message[:300] for error in VALIDATORS[file].iter_errors(document)]


@pytest.mark.parametrize("kind", DOCUMENTS)
@MANY
@given(data=st.data())
def test_a_document_made_of_the_vocabulary_pleases_reader_and_schema(
    kind: str, data: st.DataObject
) -> None:
    document = data.draw(valid(DOCUMENTS[kind]))
    assert read_codes(DOCUMENTS[kind], document) <= BEYOND_SHAPE
    assert _complaints(f"{kind}.schema.json", document) == []


@pytest.mark.parametrize("kind", DOCUMENTS)
@MANY
@given(data=st.data())
def test_a_changed_document_gets_one_verdict_from_reader_and_schema(
    kind: str, data: st.DataObject
) -> None:
    document = data.draw(mutated(DOCUMENTS[kind]))
    assume(isinstance(document, dict))
    codes = read_codes(DOCUMENTS[kind], document)
    complaints = _complaints(f"{kind}.schema.json", document)
    if "CLM203" not in codes:
        assert bool(codes - BEYOND_SHAPE) == bool(complaints), (codes, complaints)
    elif codes - BEYOND_SHAPE:
        assert complaints


@pytest.mark.parametrize("name", ALL)
def test_each_schema_is_draft_07_and_stands_alone(name: str) -> None:
    Draft7Validator.check_schema(ALL[name])
    text = json.dumps(ALL[name])
    assert "oneOf" not in text
    assert "x-names" not in text
    assert '"enum": []' not in text
