"""Shapes made of other shapes: lists, pairs, mappings of names, a word or else a value."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, TypeVar

from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader, part_of, whole
from orchestrator.language.shapes import (
    JsonSchema,
    OneOf,
    ScalarShape,
    Shape,
    T,
    or_variable,
    suggesting,
)

K = TypeVar("K")


class ListOf(Shape[tuple[T, ...]]):
    """A list of at least ``least`` items of one shape."""

    def __init__(self, item: Shape[T], *, least: int = 1) -> None:
        self.item = item
        self.least = least
        some = f" of {least} or more" if least > 1 else ""
        self.says = f"a list{some}, each item {item.says}"

    def read_resolved(self, node: Node, reader: Reader) -> tuple[T, ...] | Invalid:
        if isinstance(node, ScalarNode) and node.value is not None:
            return self.refuse(node, reader, help=f"a list of one: [{node.text[:60]}]")
        if not isinstance(node, ListNode) or len(node.items) < self.least:
            return self.refuse(node, reader)
        items = [self.item.read(item, reader) for item in node.items]
        return whole(tuple(part_of(item) for item in items), items)

    def schema(self) -> JsonSchema:
        body = {"type": "array", "items": self.item.schema(), "minItems": self.least}
        return or_variable(body, self.says)


class OneOrMany(Shape[tuple[T, ...]]):
    """One item, or a list of them."""

    def __init__(self, item: Shape[T]) -> None:
        self.item = item
        self.many = ListOf(item)
        self.says = f"{item.says}, or a list of them"

    def read_resolved(self, node: Node, reader: Reader) -> tuple[T, ...] | Invalid:
        if isinstance(node, ListNode):
            return self.many.read_resolved(node, reader)
        one = self.item.read(node, reader)
        return whole((part_of(one),), [one])

    def schema(self) -> JsonSchema:
        schema = {
            "if": {"type": "array"},
            "then": self.many.schema(),
            "else": self.item.schema(),
        }
        return suggesting(self.item.words, schema) if isinstance(self.item, OneOf) else schema


class Pair(Shape[tuple[T, T]]):
    """Exactly two items: ``[low, high]``."""

    def __init__(self, item: Shape[T]) -> None:
        self.item = item
        self.says = f"two values [from, to], each {item.says}"

    def read_resolved(self, node: Node, reader: Reader) -> tuple[T, T] | Invalid:
        if not isinstance(node, ListNode) or len(node.items) != 2:
            return self.refuse(node, reader)
        low, high = (self.item.read(item, reader) for item in node.items)
        return whole((part_of(low), part_of(high)), (low, high))

    def schema(self) -> JsonSchema:
        items = {"items": self.item.schema(), "minItems": 2, "maxItems": 2}
        return or_variable({"type": "array", **items}, self.says)


class MapOf(Shape[dict[K, T]]):
    """Named items of one shape, in written order."""

    def __init__(self, key: ScalarShape[K], value: Shape[T], *, least: int = 1) -> None:
        self.key = key
        self.value = value
        self.least = least
        some = f"{least} or more " if least > 1 else ""
        self.says = f"a mapping of {some}names, each {value.says}"

    def read_resolved(self, node: Node, reader: Reader) -> dict[K, T] | Invalid:
        if not isinstance(node, MapNode) or len(node.items) < self.least:
            return self.refuse(node, reader)
        pairs = [
            (self.key.read_resolved(key, reader), self.value.read(value, reader))
            for key, value in node.items
        ]
        named: dict[K, T] = {}
        for (key, value), (written, _) in zip(pairs, node.items, strict=True):
            name: Any = f"{written.mark}" if isinstance(key, Invalid) else key
            named[name] = part_of(value)
        return whole(named, itertools.chain.from_iterable(pairs))

    def schema(self) -> JsonSchema:
        body = {
            "type": "object",
            "additionalProperties": self.value.schema(),
            "propertyNames": self.key.plain_schema(),
            "minProperties": self.least,
        }
        return or_variable(body, self.says)


class Choice(Shape[Any]):
    """A closed word such as ``none``, or else a value of another shape."""

    def __init__(self, words: Sequence[str], other: Shape[Any]) -> None:
        self.words = OneOf(*words)
        self.other = other
        self.says = f"{', '.join(words)} or {other.says}"

    def read_resolved(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, ScalarNode) and node.text in self.words.words:
            return node.text
        return self.other.read(node, reader)

    def schema(self) -> JsonSchema:
        words = list(self.words.words)
        return suggesting(words, {"if": {"enum": words}, "else": self.other.schema()})
