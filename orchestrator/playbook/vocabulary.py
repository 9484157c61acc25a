"""What the names of a playbook stand for: types, entry properties, nearest right names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from orchestrator.channels.spec import CHANNELS
from orchestrator.criteria.names import CUSTOMER_COLUMNS, RESULT_FACTS, Names, Variant
from orchestrator.flow.base import Step
from orchestrator.flow.brought import steps_that_bring
from orchestrator.flow.entry import start_events
from orchestrator.flow.graph import in_document_order
from orchestrator.flow.steps.split import Split
from orchestrator.flow.told import answer_event, is_reserved
from orchestrator.language.marks import Problem
from orchestrator.language.names import Name
from orchestrator.language.reader import suggest
from orchestrator.playbook.declared import Declared
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.places import Setting, settings
from orchestrator.playbook.told import told_events

CODES = {
    "event": "CLM201",
    "property": "CLM202",
    "attribute": "CLM204",
    "segment": "CLM205",
    "stage": "CLM206",
    "message": "CLM207",
    "flow": "CLM208",
    "topic": "CLM209",
    "channel": "CLM210",
    "sender": "CLM211",
    "list": "CLM231",
    "webhook": "CLM232",
    "variant": "CLM230",
}
"""Kind of name → code of "there is none of that name"."""
ENTRY_FACTS = {"at": "datetime", "start": "text"}
"""What ``entry`` holds whatever the start, and its type."""


@lru_cache(maxsize=8)
def names_of(playbook: Playbook) -> Names:
    """Return the types of everything that the playbook's conditions can name."""
    catalog = playbook.catalog
    names = Names(
        {
            str(name): {str(prop): type for prop, type in properties.items()}
            for name, properties in (catalog.events or {}).items()
        },
        {str(name): attribute for name, attribute in (catalog.attributes or {}).items()},
        {str(name): topic for name, topic in (catalog.topics or {}).items()},
        dict(_variants(playbook)),
    )
    answers = {
        answer_event(name): {str(prop): type for prop, type in (webhook.gives or {}).items()}
        for name, webhook in (catalog.webhooks or {}).items()
    }
    names = replace(names, events={**names.events, **answers}) if answers else names
    told = told_events(playbook, names)
    return replace(names, events={**names.events, **told}) if told else names


def _variants(playbook: Playbook) -> Iterator[tuple[str, Variant]]:
    """Yield ``flow/split/share`` with its buckets, of every split that has an id."""
    for flow in playbook.flows.values():
        for step in in_document_order(flow.steps):
            if isinstance(step, Split) and step.id is not None:
                split = f"{flow.flow}/{step.id}"
                for share, low, high in step.bounds():
                    yield f"{split}/{share}", Variant(step.seed or f"split:{split}", low, high)


@dataclass(frozen=True)
class Vocabulary:
    """The names of a playbook, those of its broken parts included."""

    playbook: Playbook
    declared: Declared
    broken: tuple[tuple[Any, Setting], ...] = ()
    """Trees with something wrong in them; what could not be read is None."""

    def trees(self) -> Iterator[tuple[Any, Setting]]:
        """Yield every tree of sentences, sound or not, with its setting."""
        yield from settings(self.playbook)
        yield from self.broken

    @cached_property
    def names(self) -> Names:
        """The types of the sound parts."""
        return names_of(self.playbook)

    def known(self, kind: str) -> Iterable[str]:
        """Return every name of a kind."""
        if kind == "channel":
            return CHANNELS
        declared = self.declared.of(kind)
        return {**declared, **CUSTOMER_COLUMNS} if kind == "attribute" else declared

    def has(self, kind: str, name: str) -> bool:
        """Return whether a name is defined, or may be in a file that cannot be read."""
        if kind == "attribute" and name in CUSTOMER_COLUMNS:
            return True
        if kind == "channel":
            return name in CHANNELS or kind in self.declared.open
        return name in self.declared.of(kind) or kind in self.declared.open

    @property
    def knows_all_steps(self) -> bool:
        """Whether no flow has steps that could not be read."""
        flows = self.playbook.flows
        whole = all(flow.unread is None or "steps" not in flow.unread for flow in flows.values())
        return whole and set(flows) >= set(self.declared.of("flow")) and self.has_all("flow")

    def has_all(self, kind: str) -> bool:
        """Return whether every file that may define names of a kind could be read."""
        return kind not in self.declared.open

    def properties(self, event: str) -> list[str]:
        """Return the properties of an event."""
        if is_reserved(event):
            return list(self.names.events.get(event, ()))
        return list(self.declared.properties.get(event, ()))

    def is_declared(self, event: str) -> bool:
        """Return whether all properties of an event are known."""
        return event in (self.names.events if is_reserved(event) else self.declared.of("event"))

    def unknown(self, kind: str, name: Name, known: Iterable[str] | None = None) -> Problem:
        """Return the problem of a name that nothing has, with the nearest right one."""
        words = self.known(kind) if known is None else known
        help = suggest(name, words, lead=_LEADS.get(kind, f"{kind}s are"))
        if kind in _FIRST and not words:
            help = _FIRST[kind].format(name[:60])
        return Problem(name.mark, CODES[kind], f'unknown {kind} "{name[:60]}"', help)

    def start_events(self, flow: Flow) -> list[str] | None:
        """Return the events whose properties ``entry`` may hold; None if that is unclear."""
        segments = {name: segment.when for name, segment in self.playbook.segments.items()}
        if flow.unread and "starts_when" in flow.unread:
            return None
        return start_events(flow.starts_when or (), segments, str(flow.flow))

    def entry_type(self, flow: Flow, prop: str) -> str | None:
        """Return the type of ``entry.prop`` in a flow; None if it has none, or two."""
        if prop in ENTRY_FACTS:
            return ENTRY_FACTS[prop]
        types = {
            self.names.property_type(event, prop) for event in self.start_events(flow) or ()
        } - {None}
        return types.pop() if len(types) == 1 else None

    def results(self, flow: Flow) -> dict[str, Step]:
        """Return the steps of a flow that bring something back, by ``id``."""
        return steps_that_bring(flow.steps or ())

    def result_properties(self, step: Step) -> list[str]:
        """Return what may be named of a step's result."""
        events = step.brings() or ()
        return [*RESULT_FACTS, *(prop for event in events for prop in self.properties(event))]

    def result_type(self, flow: Flow, step: str, prop: str) -> str | None:
        """Return the type of ``step.prop`` in a flow; None if it has none, or two."""
        found = self.results(flow).get(step)
        if found is None or prop in RESULT_FACTS:
            return RESULT_FACTS[prop] if found else None
        types = {self.names.property_type(event, prop) for event in found.brings() or ()} - {None}
        return types.pop() if len(types) == 1 else None


_FIRST = {
    "event": "the catalog has none yet: events: {{{0}: {{}}}}",
    "list": "the catalog has none yet: lists: [{0}]",
    "segment": "there are none yet: segments: {{{0}: {{did: …}}}}",
    "topic": "the catalog has none yet: topics: {{{0}: marketing}}",
    "webhook": 'the catalog has none yet: webhooks: {{{0}: {{url: "https://…"}}}}',
}
"""Kind → how the first name of that kind is declared."""
_LEADS = {"property": "its properties are", "attribute": "attributes here are"}
