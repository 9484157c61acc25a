"""Shapes: what may stand at one place of a playbook, and the plain single values.

One shape object answers three questions about a place in a playbook: what may stand
there (``read``), what an editor should accept (``schema``) and how the documentation
calls it (``says``). A ``$name`` may stand for any single value; ``Reader`` resolves it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from orchestrator.language.nodes import Node, ScalarNode, describe
from orchestrator.language.reader import INVALID, Invalid, Reader, suggest
from orchestrator.language.spelled import spelled_number

T = TypeVar("T")

JsonSchema = dict[str, Any]

VARIABLE_PATTERN = r"^\$[a-z][a-z0-9_]*$"


def or_variable(schema: JsonSchema, says: str) -> JsonSchema:
    """Return a schema that also accepts a ``$name``, without a branch around the body.

    Keywords of draft-07 only speak about values of their own type, so a second type and a
    ``pattern`` are enough; editors then name the wrong word, not a failed alternative.

    Args:
        says: what was expected; editors show it where a text is no ``$name``.
    """
    if "enum" in schema:
        return {"anyOf": [schema, {"type": "string", "pattern": VARIABLE_PATTERN}]}
    if schema.get("type") != "string":
        return {
            **schema,
            "type": [schema["type"], "string"],
            "pattern": VARIABLE_PATTERN,
            "patternErrorMessage": f"expected {says}",
        }
    if "pattern" not in schema:
        return schema
    pattern = f"{schema['pattern']}|{VARIABLE_PATTERN}"
    return {**schema, "pattern": pattern, "patternErrorMessage": f"expected {says}"}


def suggesting(words: Sequence[str], schema: JsonSchema) -> JsonSchema:
    """Return the schema with words that an editor offers although it asks for no one of them."""
    return {**schema, "anyOf": [{"enum": list(words)}, {}]}


class Shape(ABC, Generic[T]):
    """What may stand at one place."""

    says: str = "a value"
    """Completes "expected …"."""
    sample: ClassVar[str] = ""
    """A value as it is written, for the reference; '' where that tells it by itself."""

    def read(self, node: Node, reader: Reader) -> T | Invalid:
        """Return the value, or INVALID after reporting what is wrong."""
        resolved = reader.resolve(node)
        return INVALID if isinstance(resolved, Invalid) else self.read_resolved(resolved, reader)

    @abstractmethod
    def read_resolved(self, node: Node, reader: Reader) -> T | Invalid:
        """Read a node that is no ``$name`` any more."""

    @abstractmethod
    def schema(self) -> JsonSchema:
        """Return the draft-07 schema of the written form."""

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report that something else stands here."""
        if isinstance(node, ScalarNode) and node.value is None:
            return reader.report(
                node.mark, "CLM105", f"nothing here, expected {self.says}", help=help
            )
        if isinstance(node, ScalarNode) and isinstance(self, ScalarShape):
            message = f"{describe(node)} is not {self.says}"
        else:
            message = f"expected {self.says}; here is {describe(node)}"
        return reader.report(node.mark, "CLM106", message, help=help)


class ScalarShape(Shape[T]):
    """A single value read from its text."""

    @abstractmethod
    def parse(self, node: ScalarNode) -> T | None:
        """Return the value, or None if the scalar is none of this shape."""

    @abstractmethod
    def plain_schema(self) -> JsonSchema:
        """Return the schema of the value when it is written out."""

    hint: str | None = None

    def read_resolved(self, node: Node, reader: Reader) -> T | Invalid:
        if isinstance(node, ScalarNode) and node.value is not None:
            value = self.parse(node)
            if value is not None:
                return value
        return self.refuse(node, reader, help=self.hint)

    def meant(self, node: Node, *texts: str) -> str | None:
        """Return ``did you mean …?`` of the first text that would do here, None if none would."""
        for text in texts:
            if self.parse(ScalarNode(node.mark, text, text)) is not None:
                return f'did you mean "{text}"?'
        return None

    def schema(self) -> JsonSchema:
        return or_variable(self.plain_schema(), self.says)


class Text(ScalarShape[str]):
    """Any text. A number or true/false must be quoted to be text."""

    says = "text"
    hint = "put it in quotes if it is meant as text"

    def parse(self, node: ScalarNode) -> str | None:
        return node.value if isinstance(node.value, str) and node.value else None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1}


class OneOf(ScalarShape[str]):
    """One of a closed list of words; ``later`` ones are known and refused by name."""

    def __init__(
        self,
        *words: str,
        later: Sequence[str] = (),
        called: Mapping[str, Sequence[str]] | None = None,
        lead: str = "choose from",
    ) -> None:
        """Take the words.

        Args:
            called: what else people write here, in small letters → the words it may mean.
            lead: begins the list of the words in an answer.
        """
        self.words = words
        self.later = tuple(later)
        self.called = called or {}
        self.lead = lead
        self.says = "one of " + ", ".join(words)

    def parse(self, node: ScalarNode) -> str | None:
        return node.text if node.text in self.words else None

    def read_resolved(self, node: Node, reader: Reader) -> str | Invalid:
        if not isinstance(node, ScalarNode) or node.value is None:
            return self.refuse(node, reader)
        if isinstance(node.value, str) and node.text in self.words:
            return node.text
        if isinstance(node.value, str) and node.text in self.later:
            return reader.unavailable(node.mark, node.text)
        meant = self.called.get(node.text.casefold(), ())
        return self.refuse(
            node, reader, help=suggest(node.text, self.words, lead=self.lead, meant=meant)
        )

    def plain_schema(self) -> JsonSchema:
        return {"enum": list(self.words)}


class Number(ScalarShape[Decimal]):
    """A number, written without exponent."""

    says = "a number"

    def parse(self, node: ScalarNode) -> Decimal | None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | Decimal):
            return None
        return Decimal(node.value)

    def plain_schema(self) -> JsonSchema:
        return {"type": "number"}


class Truth(ScalarShape[bool]):
    """true or false."""

    says = "true or false"

    def parse(self, node: ScalarNode) -> bool | None:
        return node.value if isinstance(node.value, bool) else None

    def plain_schema(self) -> JsonSchema:
        return {"type": "boolean"}


class Whole(ScalarShape[int]):
    """A whole number in a range, both ends included."""

    def __init__(
        self,
        low: int = 0,
        high: int = 1_000_000_000,
        *,
        called: Mapping[str, int] | None = None,
    ) -> None:
        """Take the range.

        Args:
            called: names that people write for a number, in small letters → the number.
        """
        self.low, self.high = low, high
        self.called = called or {}
        self.says = f"a whole number from {low} to {high}"

    def parse(self, node: ScalarNode) -> int | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value % 1:
            return None
        return int(value) if self.low <= value <= self.high else None

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the number that it spells, in quotes or in words."""
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            meant = self.called.get(node.text.casefold(), spelled_number(node.text))
            if meant is not None and self.low <= meant <= self.high:
                bare = ", without quotes" if node.text == str(meant) else ""
                help = f"did you mean {meant}{bare}?"
        return super().refuse(node, reader, help=help)

    def plain_schema(self) -> JsonSchema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Share(ScalarShape[Decimal]):
    """A percentage, read as a fraction from 0 to 1: ``12.5%`` is 0.125."""

    says = "a share such as 10%, at most 100%"
    _pattern: ClassVar[str] = r"(0|[1-9][0-9]?|100)(\.[0-9]{1,2})?%"

    def parse(self, node: ScalarNode) -> Decimal | None:
        if not isinstance(node.value, str) or not re.fullmatch(self._pattern, node.value):
            return None
        share = Decimal(node.value[:-1]) / 100
        return share if share <= 1 else None

    def plain_schema(self) -> JsonSchema:
        return {
            "type": "string",
            "pattern": r"^(?:(?:0|[1-9][0-9]?)(?:\.[0-9]{1,2})?|100(?:\.0{1,2})?)%$",
        }
