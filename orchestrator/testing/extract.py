"""The part of a project that a test needs: its flows, and whatever they ask about.

A smaller project decides the same about these flows, and quicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.flow.steps.split import Split
from orchestrator.language.durations import Duration
from orchestrator.language.words import NO_WORDS
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.places import own_names, parts_of_flow, sentences
from orchestrator.playbook.walk import flows_in_use, steps_of

POLLED = ("wait_until", "until", "repeat", "wait_until_date")
"""Steps that ask again while a run stands on them."""


def extract(playbook: Playbook, flows: Sequence[str]) -> Playbook:
    """Return the project with these flows, live, and the stages and segments they ask about.

    Where they ask for variants, the other flows that split are there too, retired: a share is
    worked out of its split's own words.
    """
    chosen = {name: _with_status(playbook.flows[name], "live") for name in sorted(set(flows))}
    trees = [tree for flow in chosen.values() for tree, _ in parts_of_flow(flow)]
    reached = _reached(playbook, trees)
    if "variant" in reached:
        splitting = (one for one in playbook.flows.values() if _splits(one))
        chosen = {str(one.flow): _with_status(one, "retired") for one in splitting} | chosen
    named = reached.get("segment", set())
    return replace(
        playbook,
        flows=dict(sorted(chosen.items())),
        segments={name: one for name, one in playbook.segments.items() if name in named},
        stages=playbook.stages if "stage" in reached else (),
    )


def _with_status(flow: Flow, status: str) -> Flow:
    return flow if flow.status == status else replace(flow, status=status)


def _splits(flow: Flow) -> bool:
    return any(isinstance(step, Split) for step in steps_of(flow))


def _reached(playbook: Playbook, trees: Iterable[Any]) -> dict[str, set[str]]:
    """Return the names that some trees ask about, by kind, also through segments and stages."""
    found: dict[str, set[str]] = {}
    waiting = list(trees)
    while waiting:
        for kind, name in _names(waiting.pop()):
            known = found.setdefault(kind, set())
            if kind == "segment" and name in playbook.segments and name not in known:
                waiting.append(playbook.segments[name].when)
            if kind == "stage" and not known:
                waiting += [stage.when for stage in playbook.stages]
            known.add(name)
    return found


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
    for flow in flows_in_use(playbook):
        trees += [flow.exits_when]
        trees += [one for one in flow.starts_when if isinstance(one, DidStart | MatchesStart)]
        trees += [step for step in steps_of(flow) if step.head in POLLED]
    return frozenset(span for tree in trees for span in _durations(tree))


def patience(playbook: Playbook) -> frozenset[Duration]:
    """Return the durations that let a held message go, or expire."""
    trees: list[Any] = [playbook.project.guardrails, playbook.project]
    trees += [part for flow in flows_in_use(playbook) for part in (flow.guardrails, flow)]
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
    for flow in flows_in_use(playbook):
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
        for flow in flows_in_use(playbook)
    )
    return reacts or len(playbook.flows) > 1 or bool(playbook.stages or playbook.segments)
