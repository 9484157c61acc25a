"""Blueprints: the body of a flow with inputs, made into flows that fill them in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from orchestrator.criteria.base import CRITERION
from orchestrator.flow.base import STEP_LIST
from orchestrator.language.containers import MapOf
from orchestrator.language.moments import DurationShape, Hours, MomentShape, TimeOfDay
from orchestrator.language.names import Name, NewName, Ref
from orchestrator.language.nodes import Node
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import Number, OneOf, Shape, Share, Text, Truth, Whole
from orchestrator.language.words import Sentence, word
from orchestrator.playbook.model.anything import INCLUDE, INCLUDE_DOC, META, VARS, AnyValue
from orchestrator.playbook.model.flow import Flow

NAMED = (
    "event", "attribute", "segment", "stage", "message", "flow", "topic", "channel", "list",
)  # fmt: skip
INPUT_TYPES: dict[str, Shape[Any]] = {
    "text": Text(),
    "number": Number(),
    "whole number": Whole(),
    "boolean": Truth(),
    "share": Share(),
    "duration": DurationShape(),
    "date": MomentShape(),
    "time": TimeOfDay(),
    "hours": Hours(),
    **{kind: Ref(kind) for kind in NAMED},
    "condition": CRITERION,
    "steps": STEP_LIST,
}
"""Type of an input → what may be given for it."""
OF_THE_FLOW = ("flow", "status", "from_blueprint", "inputs", "include", "vars", "note", "meta")
"""Words of a flow that a blueprint does not lend to it."""


@dataclass(frozen=True, kw_only=True)
class Input(Sentence):
    """One value that each flow made from a blueprint may fill in."""

    type: str = word(OneOf(*INPUT_TYPES), "What may be given for it.")
    description: str | None = word(Text(), "What it is for, in words.", default=None)
    default: Node | None = word(
        AnyValue(), "What stands for it where a flow gives none; else each must.", default=None
    )


INPUTS = MapOf(NewName("input"), SentenceOf(Input, "an input"), least=0)


@dataclass(frozen=True, kw_only=True)
class BlueprintHead(Sentence):
    """A flow's body with inputs, for flows that say `from_blueprint`.

    It takes the words of a flow, but for those that each flow says itself.
    """

    blueprint: Name = word(NewName("blueprint"), "The blueprint's name.")
    inputs: dict[Name, Input] | None = word(
        INPUTS, "What a flow fills in, used as `$name` in this file.", default=None
    )
    vars: dict[Name, Node] | None = word(
        VARS, "Values used as `$name` in this blueprint.", default=None
    )
    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)


def _lent() -> list[tuple[str, Any, Any]]:
    """Return the words of a flow that a blueprint may say, as fields of a class of their own."""
    return [
        (item.name, item.type, field(default=item.default, metadata=item.metadata))
        for item in dataclasses.fields(Flow)
        if "word" in item.metadata and item.name not in OF_THE_FLOW
    ]


Blueprint: Any = dataclasses.make_dataclass(
    "Blueprint",
    _lent(),
    bases=(BlueprintHead,),
    frozen=True,
    kw_only=True,
    namespace={
        "__doc__": BlueprintHead.__doc__,
        "check": Flow.check,
        "check_schema": Flow.check_schema,
    },
)
"""The sentence of a whole blueprint file: whatever a flow learns to say, so does this."""


@dataclass(frozen=True, kw_only=True)
class SharedFile(Sentence):
    """A file that only names others, or only holds variables for those that include it."""

    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)
    vars: dict[Name, Node] | None = word(
        VARS, "Variables of the files that include this one.", default=None
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
