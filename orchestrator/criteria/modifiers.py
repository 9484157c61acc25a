"""Modifiers that several heads share: windows of time, counts, tests of a value."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from orchestrator.language.containers import ListOf, MapOf, Pair
from orchestrator.language.durations import Duration
from orchestrator.language.literals import Literal, LiteralShape
from orchestrator.language.moments import DurationShape, Moment, MomentShape
from orchestrator.language.names import DataName, Name
from orchestrator.language.nodes import MapNode, Node
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import JsonSchema, Number, OneOf, Shape, Truth
from orchestrator.language.words import Sentence, sentence_schema, word


@dataclass(frozen=True, kw_only=True)
class InLast(Sentence):
    """The two windows that every fact with a time can be asked about."""

    in_last: Duration | None = word(
        DurationShape(), "Not longer ago than this: `(now - d, now]`.", default=None
    )
    older_than: Duration | None = word(
        DurationShape(), "At least this long ago: at or before `now - d`.", default=None
    )


@dataclass(frozen=True, kw_only=True)
class Window(InLast):
    """A window of time that events are looked for in."""

    before: Moment | None = word(
        MomentShape(),
        "Strictly before this instant, or before this calendar day.",
        default=None,
    )
    after: Moment | None = word(
        MomentShape(),
        "Strictly after this instant, or after this calendar day.",
        default=None,
    )


SINCE = OneOf("entry")


@dataclass(frozen=True, kw_only=True)
class RunWindow(Window):
    """A window that can also begin with the run that asks."""

    since: str | None = word(
        SINCE,
        "`entry`: strictly after the run's entry. Only inside a flow.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class Counts(Sentence):
    """How many, or how much. None of them means at least 1; several must all hold."""

    at_least: Decimal | None = word(Number(), "This many or more.", default=None)
    at_most: Decimal | None = word(
        Number(), "This many or fewer; 0 includes nobody's.", default=None
    )
    exactly: Decimal | None = word(Number(), "Just this many.", default=None)
    more_than: Decimal | None = word(Number(), "More than this many.", default=None)
    less_than: Decimal | None = word(Number(), "Fewer than this many.", default=None)
    between: tuple[Decimal, Decimal] | None = word(
        Pair(Number()), "From the first to the second, both included.", default=None
    )


COUNT_WORDS = ("at_least", "at_most", "exactly", "more_than", "less_than", "between")


@dataclass(frozen=True, kw_only=True)
class ValueTests(Sentence):
    """Tests of one value. All of them must hold; a missing value passes only negations."""

    is_: Literal | None = word(LiteralShape(), "Equal to this value.", default=None)
    is_not: Literal | None = word(
        LiteralShape(),
        "Not equal to this value; a missing value counts as not equal.",
        default=None,
    )
    is_one_of: tuple[Literal, ...] | None = word(
        ListOf(LiteralShape()), "Equal to one of these.", default=None
    )
    is_none_of: tuple[Literal, ...] | None = word(
        ListOf(LiteralShape()),
        "Equal to none of these; includes a missing value.",
        default=None,
    )
    is_set: bool | None = word(Truth(), "Whether there is a value at all.", default=None)
    contains: Literal | None = word(
        LiteralShape(), "This text inside a text; this member in a list.", default=None
    )
    starts_with: Literal | None = word(LiteralShape(), "A text beginning so.", default=None)
    ends_with: Literal | None = word(LiteralShape(), "A text ending so.", default=None)
    at_least: Literal | None = word(LiteralShape(), "This or more.", default=None)
    at_most: Literal | None = word(LiteralShape(), "This or less.", default=None)
    more_than: Literal | None = word(LiteralShape(), "More than this.", default=None)
    less_than: Literal | None = word(LiteralShape(), "Less than this.", default=None)
    between: tuple[Literal, Literal] | None = word(
        Pair(LiteralShape()),
        "From the first to the second, both included.",
        default=None,
    )
    in_last: Duration | None = word(
        DurationShape(), "A time in the past, not longer ago than this.", default=None
    )
    in_next: Duration | None = word(
        DurationShape(), "A time to come, not further away than this.", default=None
    )
    older_than: Duration | None = word(
        DurationShape(), "A time in the past, at least this long ago.", default=None
    )
    before: Literal | None = word(
        LiteralShape(), "Strictly before this date or time.", default=None
    )
    after: Literal | None = word(LiteralShape(), "Strictly after this date or time.", default=None)


TEST_WORDS = (
    "is", "is_not", "is_one_of", "is_none_of", "is_set", "contains", "starts_with", "ends_with",
    "at_least", "at_most", "more_than", "less_than", "between",
    "in_last", "in_next", "older_than", "before", "after",
)  # fmt: skip


class TestsShape(Shape[ValueTests]):
    """What a property must be: a plain value, or tests of it."""

    says = "a value, or tests of it such as {at_least: 50}"
    _tests = SentenceOf(ValueTests, "a test of a property")

    def read_resolved(self, node: Node, reader: Reader) -> ValueTests | Invalid:
        if isinstance(node, MapNode):
            if not node.items:
                return self.refuse(node, reader)
            return self._tests.read_resolved(node, reader)
        literal = LiteralShape().read_resolved(node, reader)
        if isinstance(literal, Invalid):
            return literal
        return ValueTests(mark=node.mark, marks={"is": node.mark}, is_=literal)

    def schema(self) -> JsonSchema:
        return {"$ref": "#/definitions/tests"}

    def definition(self) -> JsonSchema:
        """Return what ``#/definitions/tests`` stands for."""
        return {
            "if": {"type": "object"},
            "then": {**sentence_schema(ValueTests), "minProperties": 1},
            "else": LiteralShape().schema(),
        }


Where = dict[Name, ValueTests]
"""Property → tests that an event must pass."""
TESTS = TestsShape()
WHERE = MapOf(DataName("property"), TESTS)
WHERE_DOC = "Only events whose properties pass these tests."
