"""Walking a playbook: every sentence, with what it may know where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from orchestrator.criteria.base import Group
from orchestrator.language.literals import Literal
from orchestrator.language.names import Name
from orchestrator.language.reader import Pieces
from orchestrator.language.words import NO_WORDS, Sentence
from orchestrator.playbook.model import Flow, Playbook


@dataclass(frozen=True)
class Setting:
    """Where a sentence stands."""

    flow: Flow | None = None
    in_run: bool = False
    """Whether a run asks, so that there is an entry."""
    walks: bool = False
    """Whether its run takes steps, so that they can have brought something back."""


NOWHERE = Setting()


def settings(playbook: Playbook) -> Iterator[tuple[Any, Setting]]:
    """Yield the trees of a playbook's sentences, each with its setting."""
    yield playbook.project, NOWHERE
    yield playbook.catalog, NOWHERE
    for channel in playbook.channels.values():
        yield channel, NOWHERE
    for stage in playbook.stages:
        yield stage, NOWHERE
    for segment in playbook.segments.values():
        yield segment.when, NOWHERE
    for flow in playbook.flows.values():
        yield from parts_of_flow(flow)
    for message in playbook.messages.values():
        yield message.settings, NOWHERE


def parts_of_flow(flow: Flow) -> Iterator[tuple[Any, Setting]]:
    """Yield the trees of one flow, sound or not."""
    before, inside = Setting(flow), Setting(flow, in_run=True)
    yield flow.starts_when, before
    yield flow.guardrails, before
    yield flow.audience, inside
    for part in (flow.exits_when, flow.goal, flow.steps):
        yield part, Setting(flow, in_run=True, walks=True)


def sentences(tree: Any) -> Iterator[Sentence]:
    """Yield every sentence of a tree, outer ones first."""
    if isinstance(tree, Sentence):
        yield tree
        for item in fields(tree):
            if item.name not in NO_WORDS:
                yield from sentences(getattr(tree, item.name))
    elif isinstance(tree, Group):
        yield from sentences(tree.members)
    elif isinstance(tree, tuple | list):
        for member in tree:
            yield from sentences(member)
    elif isinstance(tree, dict):
        for member in tree.values():
            yield from sentences(member)


def is_whole(tree: Any) -> bool:
    """Return whether a criterion or sentence could be read, with everything in it."""
    if isinstance(tree, Group):
        return all(map(is_whole, tree.members))
    if isinstance(tree, Sentence):
        return tree.unread is None
    return tree is not None and not isinstance(tree, Pieces)


def own_names(sentence: Sentence) -> Iterator[tuple[str, Name]]:
    """Yield (field, name) of what a sentence itself refers to; definitions are left out."""
    for item in fields(sentence):
        for name in _names(getattr(sentence, item.name)):
            if not name.kind.startswith("new "):
                yield item.name, name


def _names(value: Any) -> Iterator[Name]:
    if isinstance(value, Name):
        yield value
    elif isinstance(value, tuple):
        for member in value:
            if isinstance(member, Name):
                yield member


def own_literals(sentence: Sentence) -> Iterator[Literal]:
    """Yield the values written in a sentence itself."""
    for item in fields(sentence):
        value = getattr(sentence, item.name)
        for member in _members(value):
            if isinstance(member, Literal):
                yield member


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()
    else:
        yield value
