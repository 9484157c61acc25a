"""What templates and ``with`` values read: of the customer, of a run, or of nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from orchestrator.language.literals import Reference
from orchestrator.render.grammar import path_of


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
