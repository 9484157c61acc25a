"""Values as a test gives them: of attributes and properties, as a file of data would."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from orchestrator.language.containers import MapOf
from orchestrator.language.marks import Mark
from orchestrator.language.names import DataName, Name
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.shapes import JsonSchema, Shape


@dataclass(frozen=True)
class Given:
    """One value as a cell of a file would have it; ``raw`` is empty if there is none."""

    raw: str
    mark: Mark = field(compare=False, repr=False)
    items: tuple[Given, ...] | None = field(default=None, compare=False)
    """Of a list its members."""


class GivenShape(Shape[Given]):
    """A single value, a list of them, or nothing for a missing one."""

    says = "a value, a list of values, or nothing"

    def read(self, node: Node, reader: Reader) -> Given | Invalid:
        """Read the value as it stands: data has no variables."""
        return self.read_resolved(node, reader)

    def read_resolved(self, node: Node, reader: Reader) -> Given | Invalid:
        if isinstance(node, MapNode):
            return self.refuse(node, reader)
        if isinstance(node, ScalarNode):
            return Given("" if node.value is None else node.text, node.mark)
        return self._list(node, reader)

    def _list(self, node: ListNode, reader: Reader) -> Given | Invalid:
        items = []
        for item in node.items:
            if not isinstance(item, ScalarNode) or item.value is None:
                return reader.report(item.mark, "CLM106", "a list here holds single values")
            items.append(Given(item.text, item.mark))
        raw = json.dumps([item.raw for item in items], ensure_ascii=False) if items else ""
        return Given(raw, node.mark, tuple(items))

    def schema(self) -> JsonSchema:
        one = ["string", "number", "boolean"]
        return {"type": [*one, "array", "null"], "items": {"type": one}}


GIVEN = GivenShape()
VALUES = MapOf(DataName("property"), GIVEN, least=0)
"""Property or attribute → its value."""
Values = dict[Name, Given]
