"""The parts of schemas that several places share: what shapes refer to by ``$ref``."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from orchestrator.criteria.base import CRITERION, conditions
from orchestrator.criteria.measures import MEASURES
from orchestrator.criteria.modifiers import TESTS
from orchestrator.flow.base import STEP_LIST, starts, steps
from orchestrator.language.containers import ListOf
from orchestrator.language.families import Family, known_words, one_head
from orchestrator.language.shapes import VARIABLE_PATTERN, JsonSchema, or_variable
from orchestrator.language.words import sentence_schema
from orchestrator.playbook.model import Attribute, StartsShape


def definitions() -> dict[str, JsonSchema]:
    """Return the schemas that shapes refer to by ``$ref``."""
    return {
        "criterion": criterion_definition(),
        "steps": or_variable(
            {"type": "array", "items": {"$ref": "#/definitions/step"}, "minItems": 1},
            STEP_LIST.says,
        ),
        "step": steps().schema(),
        "starts": starts_definition(),
        "start": starts().schema(),
        "attribute": attribute_definition(),
        "tests": TESTS.definition(),
        "zone": {"anyOf": [_zone_names(), variable()]},
        "customer_zone": {"anyOf": [_zone_names("customer"), variable()]},
    }


def criterion_definition() -> JsonSchema:
    """Return a condition, ``all``/``any``/``none`` of some, or a list that means all."""
    members = or_variable(
        {"type": "array", "items": {"$ref": "#/definitions/criterion"}, "minItems": 1},
        ListOf(CRITERION).says,
    )
    groups = {
        how: {**members, "description": doc}
        for how, doc in (
            ("all", "All of these hold."),
            ("any", "At least one of these holds."),
            ("none", "None of these holds; a missing value counts as not holding."),
        )
    }
    family = _with_heads(conditions(), groups)
    body = {**family, "items": {"$ref": "#/definitions/criterion"}, "minItems": 1}
    return _of_types(body, ("object", "array", "string"), CRITERION.says)


def starts_definition() -> JsonSchema:
    """Return one start, or ``any`` of several, each with an ``id``."""
    named = {"allOf": [{"$ref": "#/definitions/start"}], "required": ["id"]}
    several = {"type": "array", "items": named, "minItems": 1}
    family = _with_heads(
        starts(), {"any": {**several, "description": "Any of these starts, each with an `id`."}}
    )
    return _of_types(family, ("object", "string"), StartsShape.says)


def attribute_definition() -> JsonSchema:
    """Return a stored attribute's words, or a computed one's head with its words."""
    schema = MEASURES.schema()
    stored = sentence_schema(Attribute)
    names = {*schema["propertyNames"]["enum"], *stored["properties"]}
    heads = ["type", *MEASURES.kinds]
    docs = {"type": "A stored attribute.", **_docs(schema)}
    return {
        **schema,
        "propertyNames": known_words(names),
        **one_head(heads, docs, "an attribute begins with one of"),
        "dependencies": {
            **dict.fromkeys(stored["properties"], stored),
            **schema["dependencies"],
        },
    }


def _with_heads(family: Family[Any], more: dict[str, JsonSchema]) -> JsonSchema:
    """Return a family's schema with further heads, beside which no other word may stand."""
    schema = family.schema()
    alone = {
        head: {"properties": {head: body}, "additionalProperties": False}
        for head, body in more.items()
    }
    heads = [*more, *family.kinds, *family.later]
    docs = {**{head: body["description"] for head, body in more.items()}, **_docs(schema)}
    return {
        **schema,
        "propertyNames": known_words([*schema["propertyNames"]["enum"], *more]),
        **one_head(heads, docs, f"a {family.noun} begins with one of"),
        "dependencies": {**alone, **schema["dependencies"]},
    }


def _docs(schema: JsonSchema) -> dict[str, str]:
    offered = schema["else"]["properties"]
    return {head: part["description"] for head, part in offered.items()}


def _of_types(body: JsonSchema, types: tuple[str, ...], says: str) -> JsonSchema:
    """Let a body also be a list or a ``$name``: keywords speak of their own type only."""
    return {**or_variable(body, says), "type": [*types]}


def variable() -> JsonSchema:
    """Return the form of a ``$name``."""
    return {"type": "string", "pattern": VARIABLE_PATTERN}


def _zone_names(*more: str) -> JsonSchema:
    says = "expected a time zone such as " + ", ".join((*more, "Europe/Vienna"))
    return {"enum": [*more, *zones()], "errorMessage": says}


def zones() -> tuple[str, ...]:
    """Return the IANA names of the ``tzdata`` package, the same on every machine."""
    return tuple(sorted((files("tzdata") / "zones").read_text("utf-8").split()))
