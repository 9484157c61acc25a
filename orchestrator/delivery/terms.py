"""What a decided message must still meet just before it leaves (semantics 62)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from orchestrator import openings
from orchestrator.flow.base import Step
from orchestrator.flow.graph import Node, graph
from orchestrator.flow.steps.send import Send
from orchestrator.gate.policy import (
    EXPIRES_AFTER,
    SendPolicy,
    consenting_topics,
    quiet_slot,
    send_policy,
)
from orchestrator.language.durations import Duration
from orchestrator.playbook.model import Flow, Playbook


class Kind(NamedTuple):
    """What messages that are under the same terms have in common."""

    flow: str
    step: str
    channel: str
    purpose: str
    topic: str | None


@dataclass(frozen=True)
class Terms:
    """What is asked of a message again: consent, hours, age."""

    topics: frozenset[str] | None
    """One of these must be subscribed to; None if no consent is needed."""
    openings: tuple[openings.Opening, ...]
    """All must be open, on the customer's clock."""
    expires_after: Duration


@dataclass
class TermsOf:
    """The terms of each kind of message, worked out once.

    Purpose and topic are those of the decision; hours and age are what the step says now, or
    said in the release that decided if it is gone since.
    """

    playbook: Playbook
    _known: dict[Kind, Terms] = field(default_factory=dict)

    def __call__(self, kind: Kind) -> Terms:
        terms = self._known.get(kind)
        if terms is None:
            terms = self._known[kind] = self._terms(kind)
        return terms

    def step(self, flow: str, step: str) -> Step | None:
        """Return a step of a flow by its id, as it is now, or was before it was gone."""
        _, node = self._places.get((flow, step), (None, None))
        return node.step if node else None

    def _terms(self, kind: Kind) -> Terms:
        policy = self._policy(kind)
        if policy is None:
            return Terms(None, (), EXPIRES_AFTER)
        hours = policy.send_between
        asked: list[openings.Opening] = [openings.Slot(hours)] if hours else []
        if policy.quiet_hours is not None:
            asked.append(quiet_slot(policy.quiet_hours))
        topics = consenting_topics(self.playbook.catalog, policy, kind.channel)
        return Terms(
            None if topics is None else frozenset(topics), tuple(asked), policy.expires_after
        )

    def _policy(self, kind: Kind) -> SendPolicy | None:
        flow, node = self._places.get((kind.flow, kind.step), (None, None))
        if flow is None or node is None or not isinstance(node.step, Send):
            return None
        policy = send_policy(self.playbook, flow, node, node.step)
        return replace(policy, purpose=kind.purpose, topic=kind.topic)

    @cached_property
    def _places(self) -> Mapping[tuple[str, str], tuple[Flow, Node]]:
        """Every step of every flow there is, and of those that earlier releases had."""
        places: dict[tuple[str, str], tuple[Flow, Node]] = {}
        for flow in (*self.playbook.earlier, *self.playbook.flows.values()):
            for name, node in graph(flow.steps).nodes.items():
                places[str(flow.flow), name] = flow, node
        return places
