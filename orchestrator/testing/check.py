"""What is wrong with a test that its words alone do not show: names, values, times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.channels.spec import CHANNELS
from orchestrator.criteria.names import CUSTOMER_COLUMNS
from orchestrator.flow.graph import graph
from orchestrator.flow.steps.send import Send
from orchestrator.flow.steps.task import Task
from orchestrator.gate.reasons import REASONS
from orchestrator.importing.customers import COLUMNS, CONSENT
from orchestrator.importing.events import FIELDS
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.names import Name
from orchestrator.language.reader import suggest
from orchestrator.playbook.model import Attribute, Expectation, FlowTest, Happening, Playbook
from orchestrator.playbook.model.given import Given, Values
from orchestrator.playbook.places import own_names
from orchestrator.playbook.vocabulary import CODES
from orchestrator.testing.times import clock_of, instant_of
from orchestrator.values import parse_value

BUILT_IN = (*COLUMNS, *CONSENT)
"""What every customer may have given, beside the catalog's attributes."""
MORE_REASONS = ("no_act", "nobody")
"""Why steps beside sends withhold what they do."""


@dataclass(frozen=True)
class Names:
    """Everything that a test may name, by kind."""

    playbook: Playbook
    customers: Iterable[str]

    def known(self, kind: str) -> list[str]:
        """Return every name of a kind."""
        catalog = self.playbook.catalog
        found: Mapping[str, Iterable[str]] = {
            "customer": self.customers,
            "event": catalog.events or {},
            "topic": catalog.topics or {},
            "list": catalog.lists or (),
            "webhook": catalog.webhooks or {},
            "message": self.playbook.messages,
            "flow": self.playbook.flows,
            "channel": CHANNELS,
        }
        return [str(name) for name in found[kind]]

    def missing(self, name: Name) -> Iterator[Problem]:
        """Yield the problem of a name that nothing has."""
        if name.kind in ("step", "any") or name in self.known(name.kind):
            return
        if name.kind == "topic" and name == "any":
            return
        yield unknown(name.kind, name, self.known(name.kind))


def unknown(kind: str, name: Name, known: Iterable[str]) -> Problem:
    """Return the problem of a name that is none of some."""
    lead = f"{kind}s are" if not kind.endswith("y") else f"{kind[:-1]}ies are"
    code = "CLM601" if kind == "customer" else CODES[kind]
    return Problem(
        name.mark, code, f'unknown {kind} "{name[:60]}"', suggest(name, known, lead=lead)
    )


def problems_of(
    test: FlowTest, playbook: Playbook, customers: Mapping[Name, Values]
) -> Iterator[Problem]:
    """Yield what is wrong with a test.

    Args:
        customers: of the test, read from wherever it has them.
    """
    names = Names(playbook, customers)
    for _, name in own_names(test):
        yield from names.missing(name)
    zone = ZoneInfo(playbook.project.timezone)
    for who, values in customers.items():
        yield from _customer(who, values, playbook, zone)
    tasks = _tasks(test, playbook)
    for item in test.timeline:
        yield from _happening(item, names, zone)
        if item.task_done is not None and item.task_done not in tasks:
            yield _no_task(item.task_done, tasks, test)
    for who, expected in test.expect.items():
        yield from names.missing(who)
        if expected.silence is not None:
            yield from _reason(expected.silence.because, expected.silence.mark_at("because"))
        for one in expected.items:
            for _, name in own_names(one):
                yield from names.missing(name)
            yield from _reason(one.because, one.mark_at("because"))
    if all(flow in playbook.flows for flow in flows_of(test)):
        yield from _never(test, playbook, zone)


def _tasks(test: FlowTest, playbook: Playbook) -> list[str]:
    """Return the ids of the steps of a test's flows that give tasks."""
    flows = [playbook.flows[name] for name in flows_of(test) if name in playbook.flows]
    nodes = (node for flow in flows for node in graph(flow.steps).nodes.values())
    return [node.id for node in nodes if isinstance(node.step, Task)]


def _no_task(name: Name, tasks: list[str], test: FlowTest) -> Problem:
    message = f'no step "{name[:60]}" of this test ({", ".join(flows_of(test))}) gives a task'
    return Problem(name.mark, "CLM602", message, suggest(name, tasks, lead="steps with tasks are"))


def flows_of(test: FlowTest) -> list[Name]:
    """Return the flows that run in a test, the one it is about first."""
    return list(dict.fromkeys((test.flow, *(test.flows or ()))))


# --- values ---------------------------------------------------------------------------


def _customer(who: Name, values: Values, playbook: Playbook, zone: ZoneInfo) -> Iterator[Problem]:
    declared = playbook.catalog.attributes or {}
    for name, given in values.items():
        attribute = declared.get(name)
        if name in BUILT_IN:
            yield from _built_in(name, given, playbook, zone)
        elif attribute is None:
            known = [*BUILT_IN, *(a for a, of in declared.items() if isinstance(of, Attribute))]
            yield unknown("attribute", name, known)
        elif not isinstance(attribute, Attribute):
            message = f'"{name}" is computed: it follows from what happens'
            help = 'leave it out, and let things happen in "timeline", also {before: …}'
            yield Problem(name.mark, "CLM603", message, help)
        else:
            yield from _value(name, given, attribute.type, zone)
            yield from _listed(name, given, attribute)


def _built_in(name: Name, given: Given, playbook: Playbook, zone: ZoneInfo) -> Iterator[Problem]:
    if name == "subscribed_to":
        topics = [str(topic) for topic in playbook.catalog.topics or {}]
        for item in given.items or ((given,) if given.raw else ()):
            if item.raw not in topics:
                yield unknown("topic", Name(item.raw, "topic", item.mark), topics)
    elif name in ("created_at", "consented_at"):
        yield from _value(name, given, "datetime", zone)
    elif name == "timezone" and given.raw and not timing.zone_or(given.raw, zone)[1]:
        message = f'"{given.raw[:60]}" is no time zone; the engine would take the project\'s'
        yield Problem(given.mark, "CLM303", message, "for example: Europe/Vienna", "warning")


def _value(name: str, given: Given, type: str, zone: ZoneInfo) -> Iterator[Problem]:
    if given.raw and type != "list" and not parse_value(given.raw, zone).reads_as(type):
        message = f'"{given.raw[:60]}" is no {type}, which "{name}" is'
        yield Problem(given.mark, "CLM303", message)


def _listed(name: Name, given: Given, attribute: Attribute) -> Iterator[Problem]:
    allowed = attribute.one_of
    if given.raw and allowed and given.raw not in map(str, allowed):
        help = suggest(given.raw, map(str, allowed), lead="its values are")
        message = f'"{given.raw[:60]}" is none of the values of "{name}"'
        yield Problem(given.mark, "CLM304", message, help)


def _happening(item: Happening, names: Names, zone: ZoneInfo) -> Iterator[Problem]:
    for _, name in own_names(item):
        yield from names.missing(name)
    declared = names.playbook.catalog
    of_event = (declared.events or {}).get(item.did) if item.did is not None else None
    beside = {**item.properties, **(item.with_ or {})}
    for prop, given in beside.items():
        if of_event is None or not isinstance(given, Given):
            continue
        if prop in FIELDS:
            message = f'"{prop}" is no property: an import takes it as the event\'s own'
            yield Problem(prop.mark, "CLM603", message)
            continue
        if prop not in of_event:
            message = f'the event "{item.did}" has no property "{prop[:60]}"'
            known = [*map(str, of_event), "customer", "after", "before", "at", "with"]
            help = suggest(prop, known, lead="beside it can stand")
            yield Problem(prop.mark, "CLM202", message, help)
        else:
            yield from _value(prop, given, of_event[prop], zone)
    attributes = declared.attributes or {}
    for name, given in (item.set or {}).items():
        attribute = attributes.get(name)
        if attribute is None and name not in CUSTOMER_COLUMNS:
            known = [a for a, of in attributes.items() if isinstance(of, Attribute)]
            yield unknown("attribute", name, known)
        elif isinstance(attribute, Attribute):
            yield from _value(name, given, attribute.type, zone)
            yield from _listed(name, given, attribute)


def _reason(because: str | None, mark: Mark) -> Iterator[Problem]:
    known = (*REASONS, *MORE_REASONS)
    if because is not None and because not in known:
        help = suggest(because, known, lead="reasons are")
        yield Problem(mark, "CLM106", f'"{because[:60]}" is no reason', help)


# --- what can never be -----------------------------------------------------------------


def _never(test: FlowTest, playbook: Playbook, zone: ZoneInfo) -> Iterator[Problem]:
    clock = clock_of(test.clock, zone)
    end = timing.plus(clock, test.run_for)
    flows = [playbook.flows[name] for name in flows_of(test)]
    sent = {
        str(node.step.operand)
        for flow in flows
        for node in graph(flow.steps).nodes.values()
        if isinstance(node.step, Send)
    }
    for item in test.timeline:
        at = instant_of(clock, zone, item.after, item.before, item.at)
        if item.before is None:
            yield from _too_late(item.mark, at, end, test)
    for expected in test.expect.values():
        for one in expected.items:
            at = instant_of(clock, zone, one.after, None, one.at)
            yield from _too_late(one.mark, at, end, test)
            yield from _not_of_flow(one, sent, test)
            if one.reaches is not None and one.reaches != "goal":
                message = f'"{one.reaches[:60]}" cannot be reached; a goal can: reaches: goal'
                yield Problem(one.mark_at("reaches"), "CLM106", message)
            elif one.reaches and not any(flow.goal for flow in flows):
                message = f'the flow "{test.flow}" has no goal to reach'
                yield Problem(one.mark_at("reaches"), "CLM602", message)


def _too_late(mark: Mark, at: datetime, end: datetime, test: FlowTest) -> Iterator[Problem]:
    if at > end:
        message = f"this is after the end of the test, which runs for {test.run_for}"
        yield Problem(mark, "CLM602", message, 'let "run_for" be longer')


def _not_of_flow(one: Expectation, sent: Iterable[str], test: FlowTest) -> Iterator[Problem]:
    if one.head not in ("receives", "held", "suppressed", "expired") or one.object in sent:
        return
    names = ", ".join(flows_of(test))
    message = f'no flow of this test ({names}) sends "{one.object[:60]}"'
    help = suggest(one.object, sent, lead="they send")
    yield Problem(one.mark_at(one.head), "CLM602", message, help)
