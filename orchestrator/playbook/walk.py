"""Walks through a playbook: every step, every criterion and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.channels.spec import WEBHOOK
from orchestrator.criteria.base import Condition, Criterion, Group, leaves
from orchestrator.flow.base import Step
from orchestrator.flow.graph import in_document_order
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.flow.steps.send import Send
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.playbook.model import Flow, Playbook


@dataclass(frozen=True)
class Asked:
    """One criterion as it is asked: by whom, and for what."""

    owner: str
    """Name of the flow, segment or stage."""
    role: str
    """``segment``, ``stage``, or the word of the flow or step that it stands under."""
    criterion: Criterion

    def __str__(self) -> str:
        if self.role in ("segment", "stage"):
            return f'the {self.role} "{self.owner}"'
        return f'{self.role} of the flow "{self.owner}"'

    def leaves(self) -> Iterator[Condition]:
        """Yield the criterion's conditions, in written order."""
        return leaves(self.criterion)


def asked(playbook: Playbook) -> Iterator[Asked]:
    """Yield every criterion of stages, segments and flows that are not retired."""
    for stage in playbook.stages:
        if stage.when is not None:
            yield Asked(stage.stage, "stage", stage.when)
    for segment in playbook.segments.values():
        yield Asked(segment.name, "segment", segment.when)
    for flow in flows_in_use(playbook):
        yield from asked_by(flow)


def asked_by(flow: Flow) -> Iterator[Asked]:
    """Yield every criterion of one flow, from its starts down to its steps."""
    for start in flow.starts_when:
        if isinstance(start, MatchesStart):
            yield Asked(flow.flow, "matches", start.operand)
    if flow.audience is not None:
        yield Asked(flow.flow, "audience", flow.audience)
    if flow.exits_when is not None:
        yield Asked(flow.flow, "exits_when", flow.exits_when)
    for step in steps_of(flow):
        if step.only_if is not None:
            yield Asked(flow.flow, "only_if", step.only_if)
        for role, criterion in step.asks():
            yield Asked(flow.flow, role, criterion)


def flows_in_use(playbook: Playbook) -> Iterator[Flow]:
    """Yield the flows that are live or may become so, by id."""
    return (flow for flow in playbook.flows.values() if flow.status != "retired")


def lists_of_steps(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Yield a list of steps and, depth first, every list inside it."""
    yield steps
    for step in steps:
        for _, inner in step.blocks():
            yield from lists_of_steps(inner)


def steps_of(flow: Flow) -> Iterator[Step]:
    """Yield every step of a flow, in document order."""
    return in_document_order(flow.steps)


def sends_of(flow: Flow) -> Iterator[Send]:
    """Yield every send of a flow, in document order."""
    return (step for step in steps_of(flow) if isinstance(step, Send))


def purpose_of(send: Send, playbook: Playbook) -> str:
    """Return the purpose of a send: the step's, else the message's, else marketing."""
    message = playbook.messages.get(send.operand)
    return send.purpose or (message.settings.purpose if message else None) or "marketing"


def channels_of(send: Send, playbook: Playbook) -> tuple[str, ...]:
    """Return the channels a send may take, in order; ``preferred`` stays as it is."""
    if send.channels:
        return tuple(send.channels)
    defaults = playbook.project.defaults
    return (send.channel or (defaults.channel if defaults else None) or "email",)


def channels_used(flow: Flow, playbook: Playbook) -> Iterator[tuple[str, Step]]:
    """Yield (channel, step) of each way out of a flow, calls too, in document order.

    ``preferred`` stays as it is.
    """
    for step in steps_of(flow):
        if isinstance(step, Send):
            yield from ((channel, step) for channel in channels_of(step, playbook))
        elif isinstance(step, Webhook):
            yield WEBHOOK, step


def conjuncts(criterion: Criterion) -> tuple[Criterion, ...]:
    """Return the criteria that must all hold, nested ``all`` taken apart."""
    if isinstance(criterion, Group) and criterion.how == "all":
        return tuple(part for member in criterion.members for part in conjuncts(member))
    return (criterion,)
