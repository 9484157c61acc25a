"""Measures: one value per customer computed from events. The catalog names them."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.modifiers import WHERE, WHERE_DOC, Where, Window
from orchestrator.language.durations import FIXED_UNITS, Duration
from orchestrator.language.families import Family, Headed
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import Name, Ref
from orchestrator.language.words import word


@dataclass(frozen=True, kw_only=True)
class Measure(Headed, Window):
    """A computed value: a head, a window of events and tests of their properties."""

    operand: Name
    where: Where | None = word(WHERE, WHERE_DOC, default=None)


MEASURES: Family[Measure] = Family("computed attribute")


@MEASURES.register
@dataclass(frozen=True, kw_only=True)
class CountOf(Measure):
    """How many such events; a number, 0 for nobody's."""

    heads = ("count_of",)
    operand_shape = Ref("event")
    operand_doc = "The event counted."
    example = """\
- count_of: purchase
  in_last: 30 days
  where: {status: paid}
"""


@MEASURES.register
@dataclass(frozen=True, kw_only=True)
class PropertyOf(Measure):
    """A property over such events: its total, its average, how many different values."""

    heads = ("total_of", "average_of", "number_of_different")
    operand_shape = Ref("property", says="an event and a property such as purchase.amount")
    operand_doc = "The property: `purchase.amount`."
    pattern_heads = {
        "total_of": "The sum; 0 for nobody's.",
        "average_of": "The mean; missing for nobody's.",
        "number_of_different": "How many different values; 0 for nobody's.",
    }
    example = """\
- total_of: purchase.amount
  in_last: 1 year
- number_of_different: purchase.category
"""


@MEASURES.register
@dataclass(frozen=True, kw_only=True)
class TimeOf(Measure):
    """When the first or last such event was; a datetime, missing for nobody's."""

    heads = ("first", "last")
    operand_shape = Ref("event")
    operand_doc = "The event."
    pattern_heads = {
        "first": "The time of the first.",
        "last": "The time of the last.",
    }
    example = """\
- first: signed_up
  plus: 14 days
- last: purchase
"""

    plus: Duration | None = word(DurationShape(FIXED_UNITS), "Added to the time.", default=None)


def split_property(name: str) -> tuple[str, str]:
    """Return (event, property) of ``purchase.amount``; the last dot parts them."""
    event, _, prop = name.rpartition(".")
    return event, prop
