"""Consent that nobody gave: ``subscribe_to`` where the customer cannot have acted (47)."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.criteria.base import Condition, Criterion, leaves
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.steps.consent import Subscription
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.places import sentences

ACTS = frozenset(
    (
        "did", "sequence", "first", "last", "total_of", "average_of", "number_of_different",
        "clicked", "replied", "in_segment",
    )
)  # fmt: skip
"""Heads of conditions that can tell an act of the customer."""


def act_problems(playbook: Playbook) -> Iterator[Problem]:
    """Yield each ``subscribe_to`` of a flow that no event starts and that asks for no act before.

    What can happen is asked here; whether it did, the tick asks of each customer.
    """
    for flow in playbook.flows.values():
        if flow.unread and {"starts_when", "steps"} & flow.unread:
            continue
        if not any(isinstance(start, DidStart) for start in flow.starts_when):
            yield from _unasked(flow)


def _unasked(flow: Flow) -> Iterator[Problem]:
    asked = False
    for sentence in sentences(flow.steps):
        if isinstance(sentence, Condition):
            asked = asked or sentence.head in ACTS
        if not isinstance(sentence, Subscription) or sentence.head != "subscribe_to":
            continue
        if not asked and not _asks(sentence.only_if):
            message = "nothing before this step is an act of the customer"
            help = (
                "consent is theirs to give: start the flow by an event, or ask before, for "
                "example only_if: {clicked: …} or wait_until: {did: …, since: entry}"
            )
            yield Problem(sentence.mark, "CLM331", message, help)


def _asks(criterion: Criterion | None) -> bool:
    return any(leaf.head in ACTS for leaf in leaves(criterion))
