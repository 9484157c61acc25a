"""``set``: writes attributes of the customer."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.containers import MapOf
from orchestrator.language.literals import Literal, LiteralShape
from orchestrator.language.names import DataName, Name
from orchestrator.language.nodes import MapNode, Node
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import JsonSchema, Number, Shape
from orchestrator.language.words import Sentence, word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@dataclass(frozen=True, kw_only=True)
class Add(Sentence):
    """Adds to a number."""

    add: Decimal = word(Number(), "Added to the present value; a missing one counts as 0.")


class NewValue(Shape[Literal | Add]):
    """A value, or ``{add: 5}``."""

    says = "a value, or {add: number}"
    _add = SentenceOf(Add, "a new value")

    def read_resolved(self, node: Node, reader: Reader) -> Literal | Add | Invalid:
        if isinstance(node, MapNode):
            return self._add.read_resolved(node, reader)
        return LiteralShape().read_resolved(node, reader)

    def schema(self) -> JsonSchema:
        return {
            "if": {"type": "object"},
            "then": self._add.schema(),
            "else": LiteralShape().schema(),
        }


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Set(Step):
    """Write attributes of the customer; conditions of this tick see them at once."""

    heads = ("set",)
    operand_shape = MapOf(DataName("attribute"), NewValue())
    operand_doc = "Attribute → new value: text, number, `$entry.x`, or `{add: 5}`."
    example = """\
- set:
    welcomed: true
    score: {add: 5}
    last_source: $entry.source
"""

    operand: dict[Name, Literal | Add]

    def advance(self, walk: Walk) -> None:
        for name, value in self.operand.items():
            walk.set(name, value)
        walk.go_on()
