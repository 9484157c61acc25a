"""Shapes of single values: how each is read, and what its JSON Schema says.

One shape object answers three questions about a place in a playbook: what may stand
there (``read``), what an editor should accept (``schema``) and how the documentation
calls it (``says``). A ``$name`` may stand for any single value; ``Reader`` resolves it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar, Generic, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.language.durations import (
    UNITS,
    DailyHours,
    Duration,
    Unit,
    parse_daily_hours,
    parse_duration,
    parse_time,
)
from orchestrator.language.marks import Mark
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode, describe
from orchestrator.language.reader import INVALID, Invalid, Reader, suggest

T = TypeVar("T")
K = TypeVar("K")
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
        return reader.report(node.mark, "CLM106", f"{describe(node)} is not {self.says}", help=help)


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


class Name(str):
    """A name written in a playbook, with its place and the family it must belong to."""

    __slots__ = ("kind", "mark")
    kind: str
    mark: Mark

    def __new__(cls, text: str, kind: str, mark: Mark) -> Self:
        name = super().__new__(cls, text)
        name.kind = kind
        name.mark = mark
        return name


IDENTIFIER = r"[A-Za-z][A-Za-z0-9_-]*"
_PRINTABLE = (
    r"^[^\u0000-\u001f\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u3000\ue000-\uf8ff\ufeff]+$"
)
"""What ``str.isprintable`` asks, as far as a pattern can say it."""


class NewName(ScalarShape[Name]):
    """A name that this place introduces: letters, digits, ``_`` and ``-``."""

    says = "a name of letters, digits, _ and -, beginning with a letter"
    hint = "for example: first_purchase"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def parse(self, node: ScalarNode) -> Name | None:
        if isinstance(node.value, str) and re.fullmatch(IDENTIFIER, node.value):
            return Name(node.value, f"new {self.kind}", node.mark)
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{IDENTIFIER}$"}


class DataName(ScalarShape[Name]):
    """A name from the shop's own data: an event, property or attribute."""

    says = "a name"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def parse(self, node: ScalarNode) -> Name | None:
        if isinstance(node.value, str) and node.value and node.value.isprintable():
            return Name(node.value, f"new {self.kind}", node.mark)
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": _PRINTABLE}


class Ref(ScalarShape[Name]):
    """The name of something defined elsewhere: ``kind`` is event, segment, message and so on."""

    def __init__(self, kind: str, *, says: str | None = None, also: Sequence[str] = ()) -> None:
        """Take the name of a kind, or one of the words of the language in ``also``."""
        self.kind = kind
        self.also = list(also)
        self.says = says or f"the name of {_article(kind)}"

    def parse(self, node: ScalarNode) -> Name | None:
        if isinstance(node.value, str) and node.value:
            return Name(node.value, self.kind, node.mark)
        return None

    def plain_schema(self) -> JsonSchema:
        also = {"x-also": self.also} if self.also else {}
        return {"type": "string", "minLength": 1, "x-names": self.kind, **also}


class OneOf(ScalarShape[str]):
    """One of a closed list of words; ``later`` ones are known and refused by name."""

    def __init__(self, *words: str, later: Sequence[str] = ()) -> None:
        self.words = words
        self.later = tuple(later)
        self.says = "one of " + ", ".join(words)

    def parse(self, node: ScalarNode) -> str | None:
        return node.text if node.text in self.words else None

    def read_resolved(self, node: Node, reader: Reader) -> str | Invalid:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            if node.text in self.words:
                return node.text
            if node.text in self.later:
                return reader.unavailable(node.mark, node.text)
            return reader.report(
                node.mark,
                "CLM106",
                f'"{node.text[:60]}" is not {self.says}',
                help=suggest(node.text, self.words, lead="choose from"),
            )
        return self.refuse(node, reader)

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

    def __init__(self, low: int = 0, high: int = 1_000_000_000) -> None:
        self.low, self.high = low, high
        self.says = f"a whole number from {low} to {high}"

    def parse(self, node: ScalarNode) -> int | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value % 1:
            return None
        return int(value) if self.low <= value <= self.high else None

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


class DurationShape(ScalarShape[Duration]):
    """A duration such as ``3 days``, in the units that make sense at this place."""

    def __init__(self, units: Sequence[Unit] = UNITS) -> None:
        self.units = tuple(units)
        plural = [unit if unit == "min" else f"{unit}s" for unit in self.units]
        self.says = f"a duration such as 3 days ({', '.join(plural)})"

    def parse(self, node: ScalarNode) -> Duration | None:
        duration = parse_duration(node.value) if isinstance(node.value, str) else None
        return duration if duration and duration.unit in self.units else None

    def plain_schema(self) -> JsonSchema:
        forms = "|".join(_DURATION_FORMS[unit] for unit in self.units)
        return {"type": "string", "pattern": f"^(?:{forms})$"}


_DURATION_FORMS: dict[Unit, str] = {
    "min": "[1-9][0-9]{0,4} ?(?:min|mins|minute|minutes)",
    "hour": "[1-9][0-9]{0,4} ?(?:h|hour|hours)",
    "day": (
        "(?:[1-9][0-9]{0,3}|[12][0-9]{4}|3[0-5][0-9]{3}|36[0-4][0-9]{2}|36500) ?(?:d|day|days)"
    ),
    "week": "(?:[1-9][0-9]{0,2}|[1-4][0-9]{3}|5[01][0-9]{2}|5200) ?(?:w|week|weeks)",
    "month": "(?:[1-9][0-9]{0,2}|1[01][0-9]{2}|1200) ?(?:month|months)",
    "year": "(?:[1-9][0-9]?|100) ?(?:y|year|years)",
}
"""What ``parse_duration`` takes, a hundred years at most, as a pattern per unit."""


class Hours(ScalarShape[DailyHours]):
    """Hours of the day such as ``08:00-20:00``; ``21:00-08:00`` runs over midnight."""

    says = "hours such as 08:00-20:00"
    hint = "write both ends with two digits, 24 hours a day: 09:00-17:30"

    def parse(self, node: ScalarNode) -> DailyHours | None:
        return parse_daily_hours(node.text)

    def plain_schema(self) -> JsonSchema:
        clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
        differ = r"(?!(.{5})-\1$)"
        return {"type": "string", "pattern": rf"^{differ}{clock}-(?:{clock}|24:00)$"}


class TimeOfDay(ScalarShape[time]):
    """A time of day such as ``09:30``."""

    says = "a time of day such as 09:30"
    hint = "two digits each, 00:00 to 23:59"

    def parse(self, node: ScalarNode) -> time | None:
        return parse_time(node.text)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"}


class Zone(ScalarShape[str]):
    """An IANA time zone; where it makes sense, ``customer`` for each customer's own."""

    def __init__(self, *, customer: bool = False) -> None:
        self.customer = customer
        self.says = "a time zone such as Europe/Vienna" + (" or customer" if customer else "")

    def parse(self, node: ScalarNode) -> str | None:
        if self.customer and node.text == "customer":
            return node.text
        try:
            ZoneInfo(node.text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
        return node.text

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1, "x-names": "zone"}

    def schema(self) -> JsonSchema:
        return {"$ref": f"#/definitions/{'customer_zone' if self.customer else 'zone'}"}


Moment = date | datetime
"""A calendar day, or an instant; a datetime without offset is wall time somewhere."""

_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DAY = (
    "(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP}-02-29)"
)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT = rf"{_DAY}(?:[ T]{_CLOCK}(?::[0-5][0-9](?:\.[0-9]{{1,6}})?)?(?:Z|[+-]{_CLOCK})?)?"
"""Exactly the days and times that exist, so that an editor can say no to the others."""


class MomentShape(ScalarShape[Moment]):
    """A date (2026-01-31) or a date and time (2026-01-31 08:00, with an offset if meant)."""

    says = "a date such as 2026-01-31 or a date and time such as 2026-01-31 08:00"

    def parse(self, node: ScalarNode) -> Moment | None:
        return parse_moment(node.text)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{_MOMENT}$"}


def parse_moment(written: str) -> Moment | None:
    """Return the date or datetime written; None if there is no such day or form."""
    if not re.fullmatch(_MOMENT, written):
        return None
    try:
        return datetime.fromisoformat(written) if len(written) > 10 else date.fromisoformat(written)
    except ValueError:
        return None


@dataclass(frozen=True)
class Reference:
    """``$customer.x`` or ``$entry.x``: a value known only for each customer or run."""

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
    """A value: text, number, true/false, date, or ``$customer.x`` / ``$entry.x``."""

    says = "a value"

    def read_resolved(self, node: Node, reader: Reader) -> Literal | Invalid:
        if not isinstance(node, ScalarNode) or node.value is None:
            return self.refuse(node, reader)
        match = re.fullmatch(r"\$(customer|entry)\.(.+)", node.text)
        value = Reference(match[1], match[2]) if match else node.value
        return Literal(value, node.text, node.mark)

    def schema(self) -> JsonSchema:
        return {"type": ["string", "number", "boolean"]}


class ListOf(Shape[tuple[T, ...]]):
    """A list of at least ``least`` items of one shape."""

    def __init__(self, item: Shape[T], *, least: int = 1) -> None:
        self.item = item
        self.least = least
        self.says = f"a list, each item {item.says}"

    def read_resolved(self, node: Node, reader: Reader) -> tuple[T, ...] | Invalid:
        if not isinstance(node, ListNode) or len(node.items) < self.least:
            return self.refuse(node, reader)
        items = [self.item.read(item, reader) for item in node.items]
        good = tuple(item for item in items if not isinstance(item, Invalid))
        return good if len(good) == len(items) else INVALID

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
        return INVALID if isinstance(one, Invalid) else (one,)

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
        if isinstance(low, Invalid) or isinstance(high, Invalid):
            return INVALID
        return low, high

    def schema(self) -> JsonSchema:
        items = {"items": self.item.schema(), "minItems": 2, "maxItems": 2}
        return or_variable({"type": "array", **items}, self.says)


class MapOf(Shape[dict[K, T]]):
    """Named items of one shape, in written order."""

    def __init__(self, key: ScalarShape[K], value: Shape[T], *, least: int = 1) -> None:
        self.key = key
        self.value = value
        self.least = least
        self.says = f"a mapping of names, each {value.says}"

    def read_resolved(self, node: Node, reader: Reader) -> dict[K, T] | Invalid:
        if not isinstance(node, MapNode) or len(node.items) < self.least:
            return self.refuse(node, reader)
        pairs = [
            (self.key.read_resolved(key, reader), self.value.read(value, reader))
            for key, value in node.items
        ]
        good: dict[K, T] = {}
        for key, value in pairs:
            if isinstance(key, Invalid) or isinstance(value, Invalid):
                continue
            good[key] = value
        return good if len(good) == len(pairs) else INVALID

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


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
