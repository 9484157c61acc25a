"""A broken flow without its broken parts, so that the sound ones are looked at all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from orchestrator.flow.base import Start, Step
from orchestrator.language.words import Sentence
from orchestrator.playbook.model import Flow, ReEntry
from orchestrator.playbook.places import is_whole, sentences

S = TypeVar("S", bound=Sentence)


def mended(flow: Flow) -> Flow:
    """Return a flow of the sound parts of a broken one; ``unread`` still names the others.

    A broken step leaves the sound steps inside it in its place. So the steps are in order,
    but what stands between two of them is not known.
    """
    return replace(
        sound_words(flow),
        starts_when=tuple(
            start
            for start in flow.starts_when or ()
            if isinstance(start, Start) and is_whole(start)
        ),
        steps=tuple(_sound_steps(flow.steps or ())),
        re_entry=flow.re_entry or ReEntry("never"),
        status=flow.status or "draft",
        unread=flow.unread or frozenset(),
    )


def sound_words(sentence: S) -> S:
    """Return a sentence without the words that could not be read whole."""
    if not sentence.unread:
        return sentence
    nothing: dict[str, Any] = dict.fromkeys(sentence.unread)
    return replace(sentence, **nothing)


def _sound_steps(parts: tuple[Any, ...]) -> Iterator[Step]:
    for part in parts:
        if isinstance(part, Step) and is_whole(part):
            yield part
        else:
            yield from _outermost(part)


def _outermost(part: Any) -> Iterator[Step]:
    """Yield the sound steps of a broken part that are inside no other sound step."""
    inside: set[int] = set()
    for sentence in sentences(part):
        if isinstance(sentence, Step) and is_whole(sentence) and id(sentence) not in inside:
            inside.update(id(inner) for inner in sentences(sentence))
            yield sentence
