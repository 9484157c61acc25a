"""Values that conditions compare with, whose type only the catalog knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from orchestrator.language.marks import Mark
from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.shapes import JsonSchema, Shape


@dataclass(frozen=True)
class Reference:
    """``$customer.x``, ``$entry.x`` or ``$<step id>.x``: known only for each customer or run."""

    root: str
    name: str

    def __str__(self) -> str:
        return f"${self.root}.{self.name}"


@dataclass(frozen=True)
class Literal:
    """A value to compare with or to set; the catalog says which type it must have."""

    value: str | int | Decimal | bool | Reference
    text: str
    mark: Mark = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


class LiteralShape(Shape[Literal]):
    """A value: text, number, true/false, date, ``$customer.x``, ``$entry.x``, ``$<step>.x``."""

    says = "a value"

    def read_resolved(self, node: Node, reader: Reader) -> Literal | Invalid:
        if not isinstance(node, ScalarNode) or node.value is None:
            return self.refuse(node, reader)
        match = re.fullmatch(r"\$([A-Za-z][A-Za-z0-9_-]*)\.(.+)", node.text)
        value = Reference(match[1], match[2]) if match else node.value
        return Literal(value, node.text, node.mark)

    def schema(self) -> JsonSchema:
        return {"type": ["string", "number", "boolean"]}
