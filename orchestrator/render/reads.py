"""What templates and ``with`` values read: of the customer, of a run, or of nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from orchestrator.language.literals import Reference
from orchestrator.language.nodes import Node
from orchestrator.playbook.model import Playbook
from orchestrator.render.context import ROOTS, attribute_names, plain_node
from orchestrator.render.faults import RenderError
from orchestrator.render.grammar import path_of
from orchestrator.render.library import Library
from orchestrator.render.sending_steps import SendingSteps


def names_of(tree: nodes.Template, root: str) -> Iterator[str]:
    """Yield what a template reads of a root, such as ``customer``; ``*`` if it takes it whole."""
    named: set[int] = set()
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        inner = getattr(node, "node", None)
        if isinstance(inner, nodes.Name) and inner.name == root:
            path = path_of(node)
            if path is not None:
                named.add(id(inner))
                yield path.removeprefix(f"{root}.")
    for name in tree.find_all(nodes.Name):
        if name.name == root and id(name) not in named:
            yield "*"


SHARED_ROOTS = frozenset({"project", "vars", "message"})
"""What templates read that is the same whoever gets the message."""


def steady_parts(read: Mapping[str, frozenset[str]], shared: frozenset[str]) -> frozenset[str]:
    """Return the parts that read nothing of the customer or of what started the run.

    Args:
        read: part → names it begins expressions with, in the order of printing:
            ``message`` holds the headers printed before.
    """
    steady: set[str] = set()
    for slot, roots in read.items():
        headers = {"subject", "preheader"} & set(read) - {slot}
        if roots <= shared and ("message" not in roots or headers <= steady):
            steady.add(slot)
    return frozenset(steady)


def refers(value: Any) -> bool:
    """Return whether a ``with`` value holds a ``$customer.x`` or ``$entry.x``."""
    match value:
        case Reference():
            return True
        case list():
            return any(refers(item) for item in value)
        case dict():
            return any(refers(item) for item in value.values())
        case _:
            return False


def referred(value: Any) -> Iterator[str]:
    """Yield the names of ``customer`` that a ``with`` value refers to."""
    match value:
        case Reference(root="customer", name=name):
            yield name
        case list():
            for item in value:
                yield from referred(item)
        case dict():
            for item in value.values():
                yield from referred(item)


def variables_of(playbook: Playbook, flow: str) -> dict[str, Node]:
    """Return the variables that a flow's messages see: its own above the project's."""
    own = playbook.flows[flow].vars if flow in playbook.flows else None
    merged = {**(playbook.project.vars or {}), **(own or {})}
    return {str(name): node for name, node in merged.items()}


class Reads:
    """What the messages of one playbook read, found in their templates and values."""

    def __init__(self, playbook: Playbook, library: Library, senders: SendingSteps) -> None:
        self._playbook = playbook
        self._library = library
        self._senders = senders

    def roots(self, texts: list[str], results: frozenset[str]) -> frozenset[str]:
        """Return the names that texts, and what they lead to, begin expressions with.

        Args:
            results: steps that bring something back, which are such names too.
        """
        return frozenset(
            node.name
            for tree in self._trees(texts)
            for node in tree.find_all(nodes.Name)
            if node.name in ROOTS or node.name in results
        )

    def _trees(self, texts: list[str]) -> Iterator[nodes.Template]:
        names = {name for text in texts for name in self._library.reach(text)}
        for text in [*texts, *(self._library.texts[name] for name in sorted(names))]:
            yield self._library.parsed(text)

    def attributes_used(self, message: str) -> frozenset[str]:
        """Return the attributes that a message's templates, subjects and values may read."""
        used, everything = self.names_read(message), attribute_names(self._playbook)
        return everything if "*" in used else used & everything

    def names_read(self, message: str) -> frozenset[str]:
        """Return what a message reads of ``customer``; ``*`` if it takes it as a whole."""
        known = self._playbook.messages[message]
        texts = [text for t in known.templates for text in (t.body, t.subject, t.preheader)]
        values = [plain_node(node, {}) for node in (known.settings.with_ or {}).values()]
        for _, step in self._senders.get(message, ()):
            texts.append(step.subject)
            values += [literal.value for literal in (step.with_ or {}).values()]
        values += self._variable_values(message)
        channels = sorted({template.channel for template in known.templates})
        texts += [
            text
            for name, text in self._library.texts.items()
            if name.startswith(tuple(f"_layouts/{channel}." for channel in channels))
        ]
        used = {name for text in texts if text for name in self._names_in(text)}
        used.update(name for value in values for name in referred(value))
        return frozenset(used)

    def _variable_values(self, message: str) -> list[Any]:
        settings = self._playbook.messages[message].settings
        if not settings.with_:
            return []
        flows = {str(flow.flow) for flow, _ in self._senders.get(message, ())}
        every = [variables_of(self._playbook, flow) for flow in flows]
        return [plain_node(node, variables) for variables in every for node in variables.values()]

    def _names_in(self, text: str) -> Iterator[str]:
        """Yield the attributes a text names, ``*`` where it takes the customer as a whole."""
        try:
            for tree in self._trees([text]):
                yield from names_of(tree, "customer")
        except RenderError:
            return
