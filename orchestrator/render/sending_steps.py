"""Which steps of which flows send each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.flow.steps.send import Send
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.walk import sends_of

SendingSteps = Mapping[str, Sequence[tuple[Flow, Send]]]
"""Message → the flows and steps that send it, by flow id and in document order."""


def sending_steps(playbook: Playbook) -> SendingSteps:
    """Return which steps send each message."""
    found: dict[str, list[tuple[Flow, Send]]] = {}
    for flow in (*playbook.flows.values(), *playbook.earlier):
        for step in sends_of(flow):
            found.setdefault(str(step.operand), []).append((flow, step))
    return found
