"""The data a template sees, from a decided send and the playbook."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from orchestrator.criteria.base import leaves
from orchestrator.criteria.names import RESULT_FACTS
from orchestrator.flow.brought import steps_that_bring
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.told import ToldStart
from orchestrator.flow.told import told_event
from orchestrator.language.literals import Reference
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import VARIABLE
from orchestrator.playbook.model import Attribute, Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.records.sends import CustomerFacts, Send
from orchestrator.render.values import LONGEST_TEXT, Facts, is_absent, plain

CUSTOMER_NAMES = ("id", "email", "phone", "locale", "timezone")
"""What every customer has besides attributes."""
ROOTS = ("customer", "entry", "message", "project", "vars", "links", "with", "today")
"""The names a template may begin an expression with."""
PROJECT_NAMES = ("name", "locale", "currency", "timezone", "postal_address", "base_url")
MESSAGE_NAMES = ("name", "channel", "flow", "step", "subject", "preheader", "locale")
LINK_PATHS = {"unsubscribe": "u", "preferences": "p"}
"""What ``links`` holds → where below ``links.base_url`` the server has it."""
LINK_NAMES = tuple(LINK_PATHS)
_SCALARS = frozenset({int, bool, date, datetime})


def attribute_names(playbook: Playbook) -> frozenset[str]:
    """Return every name a template may ask of ``customer``."""
    return frozenset((*CUSTOMER_NAMES, *(playbook.catalog.attributes or {})))


def stored_attributes(playbook: Playbook) -> dict[str, Attribute]:
    """Return the attributes that are stored rather than computed."""
    attributes = playbook.catalog.attributes or {}
    return {str(n): a for n, a in attributes.items() if isinstance(a, Attribute)}


class CustomerView:
    """Builds ``customer``: what this customer has, and of the rest that it is missing."""

    def __init__(self, playbook: Playbook) -> None:
        self._absent = dict.fromkeys(attribute_names(playbook), "is missing for this customer")

    def of(self, facts: CustomerFacts) -> Facts:
        """Return the customer as templates see them."""
        view = Facts("customer", self._absent)
        fill(view, facts.attributes)
        for name, text in (
            ("id", facts.external_id),
            ("email", facts.email),
            ("phone", facts.phone),
            ("locale", facts.locale),
            ("timezone", facts.timezone),
        ):
            if type(text) is str and 0 < len(text) <= LONGEST_TEXT:
                view[name] = text
            else:
                fill(view, {name: text})
        return view


def fill(view: Facts, values: Mapping[str, Any]) -> None:
    """Put the values that are there into a view, as plain data."""
    for name, value in values.items():
        kind = type(value)
        if kind is str:
            if value:
                view[name] = value if len(value) <= LONGEST_TEXT else plain(value)
        elif kind in _SCALARS or (kind is Decimal and value.is_finite()):
            view[name] = value
        elif not is_absent(value):
            view[name] = plain(value)


def entry_view(facts: Mapping[str, Any]) -> Facts:
    """Return ``entry`` as templates see it."""
    view = Facts("entry", _ENTRY_ABSENT)
    fill(view, facts)
    return view


def result_view(step: str, facts: Mapping[str, Any]) -> Facts:
    """Return what a step brought back, as templates see it under the step's id."""
    view = Facts(step, _RESULT_ABSENT)
    fill(view, facts)
    return view


class _AnyName(dict[str, str]):
    """Any name may be asked of what comes from events; ``check`` knows which can exist."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return self._why


_ENTRY_ABSENT = _AnyName("is missing in what started this run")
_RESULT_ABSENT = _AnyName("is missing in what this step brought back")


def project_view(playbook: Playbook) -> Facts:
    """Return ``project`` as templates see it."""
    project = playbook.project
    values = {
        "name": str(project.project),
        "locale": project.locale or "en",
        "currency": project.currency or "EUR",
        "timezone": project.timezone,
        "postal_address": project.postal_address,
        "base_url": project.links.base_url if project.links else None,
    }
    view = Facts("project", dict.fromkeys(PROJECT_NAMES, "is not set in project.yaml"))
    view.update({name: value for name, value in values.items() if value})
    return view


class LinksView:
    """Builds ``links``: the customer's own pages, where the project says there are any.

    What is sent has signed links. What is only shown has links of their shape, which tell
    customers apart, reveal nothing and are worth nothing.
    """

    def __init__(self, playbook: Playbook) -> None:
        links = playbook.project.links
        base = links.base_url.rstrip("/") if links else ""
        self._pages = {name: f"{base}/{path}/" for name, path in LINK_PATHS.items() if links}
        self._absent = dict.fromkeys(LINK_NAMES, "needs links.base_url in project.yaml")
        self._project = f"{playbook.project.project}/"

    def of(self, send: Send) -> Facts:
        """Return the links of one message."""
        view = Facts("links", self._absent)
        if send.links:
            view.update(send.links)
        elif self._pages:
            text = self._project + send.customer.external_id
            digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
            for name, page in self._pages.items():
                view[name] = f"{page}v1.preview.{digest}"
        return view


def plain_node(node: Node, variables: Mapping[str, Node]) -> Any:
    """Return a playbook value as plain data; a ``$name`` becomes what it stands for.

    ``$customer.x`` and ``$entry.x`` become a ``Reference``, known only for each send.
    """
    match node:
        case ScalarNode(value=str() as text):
            match = VARIABLE.match(text)
            if match and match[1] in variables:
                return plain_node(variables[match[1]], _without(variables, match[1]))
            return _reference(text) or text
        case ScalarNode(value=value):
            return value
        case ListNode(items=items):
            return [plain_node(item, variables) for item in items]
        case MapNode(items=pairs):
            return {key.text: plain_node(value, variables) for key, value in pairs}


def _without(variables: Mapping[str, Node], name: str) -> dict[str, Node]:
    return {key: node for key, node in variables.items() if key != name}


def _reference(text: str) -> Reference | None:
    for root in ("customer", "entry"):
        if text.startswith(f"${root}.") and len(text) > len(root) + 2:
            return Reference(root, text[len(root) + 2 :])
    return None


def resolved(value: Any, known: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return a ``with`` value for one send; None where what it refers to is missing.

    Args:
        known: ``customer``, ``entry`` and each step that brings something back → its values.
    """
    match value:
        case Reference(root=root, name=name):
            return known.get(root, {}).get(name)
        case list():
            return [resolved(item, known) for item in value]
        case dict():
            return {key: resolved(item, known) for key, item in value.items()}
        case _:
            return value


def entry_names(playbook: Playbook, flow: str) -> frozenset[str]:
    """Return what ``entry`` may hold in a flow: ``at``, ``start``, the events' properties."""
    events = names_of(playbook).events
    names = {"at", "start"}
    for start in playbook.flows[flow].starts_when:
        told = told_event(flow) if isinstance(start, ToldStart) else None
        names.update(events.get(told or start_event(playbook, start) or "", ()))
    return frozenset(names)


def result_names(playbook: Playbook, flow: str) -> dict[str, frozenset[str]]:
    """Return step id → what that step of a flow may bring back."""
    return {
        name: frozenset((*RESULT_FACTS, *_properties(playbook, step.brings() or ())))
        for name, step in steps_that_bring(playbook.flows[flow].steps).items()
    }


def _properties(playbook: Playbook, names: Collection[str]) -> Iterator[str]:
    events = names_of(playbook).events
    for event in names:
        yield from map(str, events.get(event, ()))


def start_event(playbook: Playbook, start: Any) -> str | None:
    """Return the event a start brings, or None: segments bring that of their one ``did``."""
    if isinstance(start, DidStart):
        return str(start.operand)
    if start.head in ("enters_segment", "leaves_segment"):
        segment = playbook.segments.get(str(start.operand))
        heads = [leaf for leaf in leaves(segment.when) if leaf.head == "did"] if segment else []
        return str(heads[0].operand) if len(heads) == 1 else None
    return None
