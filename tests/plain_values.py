"""Nodes as the plain values that a JSON Schema validator looks at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode


def plain(node: Node | None) -> Any:
    """Return what a node would be in JSON."""
    match node:
        case MapNode():
            return {key.text: plain(value) for key, value in node.items}
        case ListNode():
            return [plain(item) for item in node.items]
        case ScalarNode(value=Decimal() as number):
            return float(number)
        case ScalarNode():
            return node.value
    return None
