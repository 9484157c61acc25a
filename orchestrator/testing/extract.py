"""The part of a project that a test needs: its flows, and whatever they ask about.

A smaller project decides the same about these flows, and quicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.language.durations import Duration
from orchestrator.language.words import NO_WORDS
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.places import own_names, parts_of_flow, sentences
from orchestrator.playbook.walk import steps_of

POLLED = ("wait_until", "until", "repeat", "wait_until_date")
"""Steps that ask again while a run stands on them."""


def extract(playbook: Playbook, flows: Sequence[str]) -> Playbook:
    """Return the project with these flows, live, and the stages and segments they ask about."""
    chosen = {name: _as_live(playbook.flows[name]) for name in sorted(set(flows))}
    trees = [tree for flow in chosen.values() for tree, _ in parts_of_flow(flow)]
    segments, asks_stages = _reached(playbook, trees)
    return replace(
        playbook,
        flows=chosen,
        segments={name: one for name, one in playbook.segments.items() if name in segments},
        stages=playbook.stages if asks_stages else (),
    )


def _as_live(flow: Flow) -> Flow:
    return flow if flow.status == "live" else replace(flow, status="live")


def _reached(playbook: Playbook, trees: Iterable[Any]) -> tuple[set[str], bool]:
    """Return the segments that some trees ask about, also through others, and whether stages."""
    segments: set[str] = set()
    asks_stages = False
    waiting = list(trees)
    while waiting:
        for kind, name in _names(waiting.pop()):
            if kind == "segment" and name in playbook.segments and name not in segments:
                segments.add(name)
                waiting.append(playbook.segments[name].when)
            if kind == "stage" and not asks_stages:
                asks_stages = True
                waiting += [stage.when for stage in playbook.stages]
    return segments, asks_stages


def _names(tree: Any) -> Iterator[tuple[str, str]]:
    for sentence in sentences(tree):
        for _, name in own_names(sentence):
            yield name.kind, str(name)


# --- what the clock alone may change ----------------------------------------------------


def spans(playbook: Playbook) -> frozenset[Duration]:
    """Return the durations after which time alone may change what an extract decides.

    Those of stages, segments, ``matches``, ``exits_when``, steps that ask again, and starts
    that happen later than their event. Waits are not among them: their end is known.
    """
    trees: list[Any] = [stage for stage in playbook.stages]
    trees += [segment.when for segment in playbook.segments.values()]
    trees += list((playbook.catalog.attributes or {}).values())
    for flow in playbook.flows.values():
        trees += [flow.exits_when]
        trees += [one for one in flow.starts_when if isinstance(one, DidStart | MatchesStart)]
        trees += [step for step in steps_of(flow) if step.head in POLLED]
    return frozenset(span for tree in trees for span in _durations(tree))


def patience(playbook: Playbook) -> frozenset[Duration]:
    """Return the durations that let a held message go, or expire."""
    trees: list[Any] = [playbook.project.guardrails, playbook.project]
    trees += [part for flow in playbook.flows.values() for part in (flow.guardrails, flow)]
    trees += [message.settings for message in playbook.messages.values()]
    found = {Duration(3, "day")}
    for tree in trees:
        found |= set(_durations(tree))
    return frozenset(found)


def _durations(tree: Any) -> Iterator[Duration]:
    for sentence in sentences(tree):
        for item in fields(sentence):
            if item.name not in NO_WORDS and isinstance(getattr(sentence, item.name), Duration):
                yield getattr(sentence, item.name)


def asks_dates(playbook: Playbook) -> bool:
    """Return whether a condition of an extract may change at a customer's midnight."""
    trees: list[Any] = [stage for stage in playbook.stages]
    trees += [segment.when for segment in playbook.segments.values()]
    for flow in playbook.flows.values():
        trees += [flow.exits_when]
        trees += [one for one in flow.starts_when if isinstance(one, MatchesStart)]
        trees += [step for step in steps_of(flow) if step.head in POLLED]
    return any(_asks_date(sentence) for tree in trees for sentence in sentences(tree))


def _asks_date(sentence: Any) -> bool:
    head = getattr(sentence, "head", "")
    words = ("in_last", "in_next", "older_than", "before", "after")
    return head == "anniversary_of" or (
        head == "attribute" and any(getattr(sentence, word, None) is not None for word in words)
    )


def may_react(playbook: Playbook) -> bool:
    """Return whether a later tick may make something of what a tick of an extract did."""
    reacts = any(
        flow.exits_when is not None
        or any(isinstance(one, MatchesStart) for one in flow.starts_when)
        or any(step.head in POLLED for step in steps_of(flow))
        for flow in playbook.flows.values()
    )
    return reacts or len(playbook.flows) > 1 or bool(playbook.stages or playbook.segments)
