"""What flows tell each other: who tells whom, and what ``entry`` holds in a flow that is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from orchestrator.criteria.names import Names
from orchestrator.flow.entry import entry_types
from orchestrator.flow.graph import in_document_order
from orchestrator.flow.starts.told import ToldStart
from orchestrator.flow.steps.start_flow import StartFlow
from orchestrator.flow.told import told_event
from orchestrator.language.literals import Literal, Reference
from orchestrator.language.marks import Problem
from orchestrator.language.moments import parse_moment
from orchestrator.playbook.model import Flow, Playbook


def told_problems(playbook: Playbook) -> Iterator[Problem]:
    """Yield the ``start_flow`` steps whose flow does not listen to theirs."""
    for flow in playbook.flows.values():
        for step in tellings(flow):
            told = playbook.flows.get(step.operand)
            if told is None or (told.unread and "starts_when" in told.unread):
                continue
            if not any(flow.flow in start.operand for start in _listening(told)):
                message = f'the flow "{told.flow}" is not told by "{flow.flow}"'
                help = f"say so where it starts, {_place(told)}: told_by: [{flow.flow}]"
                yield Problem(step.operand.mark, "CLM233", message, help)


def tellings(flow: Flow) -> Iterator[StartFlow]:
    """Yield the ``start_flow`` steps of a flow, in document order."""
    for step in in_document_order(flow.steps or ()):
        if isinstance(step, StartFlow):
            yield step


def _listening(flow: Flow) -> Iterator[ToldStart]:
    for start in flow.starts_when or ():
        if isinstance(start, ToldStart):
            yield start


def _place(flow: Flow) -> str:
    return str(flow.mark_at("starts_when"))


def told_events(playbook: Playbook, names: Names) -> Mapping[str, Mapping[str, str]]:
    """Return the event that starts each flow which is told, with its properties' types.

    A value that a flow passes on has the type it has there, so flows are looked at until
    nothing changes; a value of two types is text.
    """
    listening = [told_event(name) for name, flow in playbook.flows.items() if any(_listening(flow))]
    tellers = [flow for flow in playbook.flows.values() if any(tellings(flow))]
    segments = {name: segment.when for name, segment in playbook.segments.items()}
    found: dict[str, dict[str, str]] = {event: {} for event in listening}
    for _ in range(len(tellers) + 1 if listening else 0):
        known = Names({**names.events, **found}, names.attributes, names.topics)
        types: dict[str, dict[str, set[str]]] = {event: {} for event in listening}
        for flow in tellers:
            entry = entry_types(flow.starts_when or (), segments, known, flow=str(flow.flow))
            for step in tellings(flow):
                of = types.get(told_event(str(step.operand)), {})
                for prop, literal in (step.with_ or {}).items():
                    if literal is not None:
                        of.setdefault(str(prop), set()).add(_type(literal, entry, known))
        again = {event: _settled(of) for event, of in types.items()}
        if again == found:
            break
        found = again
    return found


def _settled(types: Mapping[str, set[str]]) -> dict[str, str]:
    return {prop: next(iter(of)) if len(of) == 1 else "text" for prop, of in types.items()}


def _type(literal: Literal, entry: Mapping[str, str], names: Names) -> str:
    """Return the type of a ``with`` value as the flow that is told sees it."""
    match literal.value:
        case Reference(root="entry", name="at"):
            return "datetime"
        case Reference(root="entry", name=name):
            return entry.get(name, "text")
        case Reference(root="customer", name=name):
            return names.attribute_type(name) or "text"
        case bool():
            return "boolean"
        case int() | Decimal():
            return "number"
        case str() as text:
            moment = parse_moment(text)
            return "text" if moment is None else _moment_type(moment)
    return "text"


def _moment_type(moment: object) -> str:
    return "datetime" if isinstance(moment, datetime) else "date"
