"""A YAML document as nodes that remember where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from orchestrator.language.marks import Mark

ScalarValue = str | int | Decimal | bool | None


@dataclass(frozen=True)
class ScalarNode:
    """A single value. ``text`` is what was written, ``value`` what it means."""

    mark: Mark
    text: str
    value: ScalarValue


@dataclass(frozen=True)
class ListNode:
    """A list."""

    mark: Mark
    items: tuple[Node, ...]


@dataclass(frozen=True)
class MapNode:
    """A mapping, in written order; keys are unique text."""

    mark: Mark
    items: tuple[tuple[ScalarNode, Node], ...]

    def get(self, key: str) -> Node | None:
        """Return the value under ``key``, or None."""
        return next((value for name, value in self.items if name.text == key), None)


Node = ScalarNode | ListNode | MapNode


def describe(node: Node) -> str:
    """Return what a node is, in a reader's words."""
    match node:
        case MapNode():
            names = ", ".join(key.text[:20] for key, _ in node.items[:3])
            more = ", …" if len(node.items) > 3 else ""
            return f"a mapping with {names}{more}" if node.items else "an empty mapping"
        case ListNode():
            count = len(node.items)
            return f"a list of {count} item{'s' if count > 1 else ''}" if count else "an empty list"
        case ScalarNode(value=None):
            return "nothing"
        case ScalarNode(value=bool()):
            return node.text
        case ScalarNode(value=int() | Decimal()):
            return f"the number {node.text}"
        case _:
            return f'"{node.text[:60]}"'
