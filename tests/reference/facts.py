"""Values of one customer and windows of time, as conditions name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from reference.values import UNITS, aware, passes, scaled, typed
from reference.view import COLUMNS, View
from reference.world import Happening

from orchestrator import timing
from orchestrator.criteria.kinds.did import Did
from orchestrator.criteria.measures import CountOf, Measure, PropertyOf, TimeOf
from orchestrator.criteria.modifiers import Counts, InLast, Where, Window
from orchestrator.language.literals import Reference
from orchestrator.language.moments import Moment
from orchestrator.playbook.model import Attribute


def attribute_type(view: View, name: str) -> str:
    """Return the type of an attribute, a computed one, or a property of the entry."""
    if name.startswith("entry."):
        return _entry_type(view, name.removeprefix("entry."))
    step, _, fact = name.partition(".")
    if fact:
        result = view.run.results.get(step) if view.run else None
        event = result.event.name if result and result.event else ""
        return RESULT_TYPES.get(fact) or property_type(view, event, fact)
    declared = _declared(view, name)
    if isinstance(declared, Attribute):
        return declared.type
    if isinstance(declared, Measure):
        return measure_type(view, declared)
    return COLUMNS[name]


def _entry_type(view: View, name: str) -> str:
    if name == "at":
        return "datetime"
    if name == "start":
        return "text"
    event = view.run.event if view.run else None
    if event is None:
        return "text"
    return property_type(view, event.name, name)


def property_type(view: View, event: str, name: str) -> str:
    """Return the catalog's type of an event's property."""
    events = cast("Mapping[str, Mapping[str, str]]", view.playbook.catalog.events or {})
    return events.get(event, {}).get(name, "text")


def _declared(view: View, name: str) -> Attribute | Measure | None:
    declared = cast("Mapping[str, Attribute | Measure]", view.playbook.catalog.attributes or {})
    return declared.get(name)


def measure_type(view: View, measure: Measure) -> str:
    """Return the type of a computed attribute; ``exact`` is a number that is never rounded."""
    if isinstance(measure, TimeOf):
        return "datetime"
    if isinstance(measure, PropertyOf) and measure.head in ("total_of", "average_of"):
        kind = property_type(view, *parts_of(measure.operand))
        return "money" if kind == "money" else "exact"
    return "exact"


def attribute_value(view: View, name: str) -> Any:
    """Return the typed value of an attribute now; None if missing."""
    if name.startswith("entry."):
        return entry_value(view, name.removeprefix("entry."))
    if "." in name:
        return result_value(view, *name.split("."))
    declared = _declared(view, name)
    if isinstance(declared, Measure):
        return measured(view, declared)
    if declared is None:
        return getattr(view.person, name)
    key = (view.person.external_id, name)
    raw = view.past.written.get(key, view.person.attributes.get(name))
    return typed(raw, declared.type, view.project_zone)


def entry_value(view: View, name: str) -> Any:
    """Return a value of what started the run (rule 31)."""
    assert view.run is not None
    if name == "at":
        return view.run.at
    if name == "start":
        return view.run.start
    if view.run.event is None:
        return None
    return property_value(view, view.run.event, name)


def property_value(view: View, event: Happening, name: str) -> Any:
    """Return the typed value of an event's property; None if missing."""
    kind = property_type(view, event.name, name)
    return typed(event.properties.get(name), kind, view.project_zone)


RESULT_TYPES = {"did": "text", "at": "datetime", "timed_out": "boolean"}


def result_value(view: View, step: str, name: str) -> Any:
    """Return a value of what a step brought back; None if it is missing."""
    result = view.run.results.get(step) if view.run else None
    if result is None:
        return None
    event = result.event
    if name == "did":
        return event.name if event else None
    if name in ("at", "timed_out"):
        return getattr(result, name)
    if event is None:
        return None
    return typed(
        event.properties.get(name), property_type(view, event.name, name), view.project_zone
    )


def place(event: Happening) -> tuple[datetime, str]:
    return event.occurred_at, event.source_id


def least(did: Did) -> int:
    low = [did.at_least, did.exactly, did.between[0] if did.between else None]
    low.append(None if did.more_than is None else did.more_than + 1)
    return max([1, *(int(one) for one in low if one is not None)])


def resolve(view: View) -> Callable[[Reference], Any]:
    """Return what ``$customer.x`` and ``$entry.x`` stand for."""

    def value(reference: Reference) -> Any:
        if reference.root == "entry":
            return entry_value(view, reference.name)
        if reference.root != "customer":
            return result_value(view, reference.root, reference.name)
        return attribute_value(view, reference.name)

    return value


def measured(view: View, measure: Measure) -> Any:
    """Return the value of a computed attribute (rule 23)."""
    name = parts_of(measure.operand)[0] if isinstance(measure, PropertyOf) else measure.operand
    found = events_of(view, name, measure, measure.where)
    if isinstance(measure, CountOf):
        return Fraction(len(found))
    if isinstance(measure, TimeOf):
        return _first_or_last(view, measure, found)
    prop = parts_of(measure.operand)[1]
    values = present_values(view, found, prop)
    if measure.head == "number_of_different":
        return Fraction(len(set(values)))
    kind = property_type(view, name, prop)
    total = sum(value if kind == "money" else scaled(value) for value in values)
    if measure.head == "average_of":
        if not values:
            return None
        exact = Fraction(total, len(values))
        return exact if kind == "money" else exact / UNITS
    return total if kind == "money" else Fraction(total, UNITS)


def _first_or_last(view: View, measure: TimeOf, found: Sequence[Happening]) -> datetime | None:
    if not found:
        return None
    at = found[0].occurred_at if measure.head == "first" else found[-1].occurred_at
    return at if measure.plus is None else timing.plus(at, measure.plus)


def parts_of(name: str) -> tuple[str, str]:
    event, _, prop = name.rpartition(".")
    return event, prop


def present_values(view: View, events: Iterable[Happening], prop: str) -> list[Any]:
    values = [property_value(view, event, prop) for event in events]
    return [value for value in values if value is not None]


def in_window(view: View, window: InLast, at: datetime) -> bool:
    """Return whether an instant passes every bound of a window (rules 13, 14)."""
    if window.in_last and not timing.minus(view.now, window.in_last) < at <= view.now:
        return False
    if window.older_than and not at <= timing.minus(view.now, window.older_than):
        return False
    if isinstance(window, Window):
        if window.before is not None and not _order(view, at, window.before) < 0:
            return False
        if window.after is not None and not _order(view, at, window.after) > 0:
            return False
    if getattr(window, "since", None) is not None:
        assert view.run is not None
        return at > view.run.at
    return True


def _order(view: View, at: datetime, moment: Moment) -> int:
    left: Any = at
    right: Any = moment
    if isinstance(moment, datetime):
        right = aware(moment, view.project_zone)
    else:
        left = timing.local_day(at, view.project_zone)
    return int(left > right) - int(left < right)


def event_passes(view: View, event: Happening, where: Where | None) -> bool:
    """Return whether an event's properties pass all tests of ``where``."""
    for name, tests in (where or {}).items():
        kind = property_type(view, event.name, name)
        value = property_value(view, event, name)
        if not passes(tests, value, kind, view.clocks, resolve(view)):
            return False
    return True


def events_of(view: View, name: str, window: InLast | None, where: Where | None) -> list[Happening]:
    return [
        event
        for event in view.events
        if event.name == name
        and (window is None or in_window(view, window, event.occurred_at))
        and event_passes(view, event, where)
    ]


def counts_hold(counts: Counts, value: Decimal | None, unit: int = 1) -> bool:
    """Return whether a count or total passes; a missing one passes nothing."""
    if value is None:
        return False
    tests = [
        counts.at_least is None or value >= counts.at_least * unit,
        counts.at_most is None or value <= counts.at_most * unit,
        counts.exactly is None or value == counts.exactly * unit,
        counts.more_than is None or value > counts.more_than * unit,
        counts.less_than is None or value < counts.less_than * unit,
        counts.between is None or counts.between[0] * unit <= value <= counts.between[1] * unit,
    ]
    return all(tests)
