"""Goals and exits, and the decisions that are noted (semantics 29, 39, 40)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reference.conditions import answers_send, holds, message_parts
from reference.facts import event_passes
from reference.state import Decision, Passage, Tick
from reference.view import View

from orchestrator import timing
from orchestrator.flow.steps.send import Send
from orchestrator.playbook.model import Flow


def active_passages(work: Tick) -> list[Passage]:
    """Return the active runs of live flows, by flow, customer and entry."""
    live = {name for name, flow in work.playbook.flows.items() if work.evaluates(flow)}
    found = [one for one in work.state.passages if one.active and one.flow in live]
    return sorted(found, key=lambda one: (one.flow, one.customer, one.entry))


def leave_if_due(work: Tick, passage: Passage) -> bool:
    """End the run if its goal is met or ``exits_when`` holds; say whether it ended."""
    flow = work.playbook.flows[passage.flow]
    view = work.view(passage.customer, passage.flow, passage.facts())
    if _goal_met(flow, view) and flow.goal is not None and not flow.goal.keep_going:
        end_passage(work, passage, "goal")
    elif flow.exits_when is not None and holds(flow.exits_when, view):
        end_passage(work, passage, "exit")
    return not passage.active


def _goal_met(flow: Flow, view: View) -> bool:
    goal, run = flow.goal, view.run
    if goal is None or run is None:
        return False
    last = timing.plus(run.at, goal.within) if goal.within else view.now
    return any(run.at < at <= min(last, view.now) for at in _goal_times(flow, view))


def _goal_times(flow: Flow, view: View) -> Iterator[datetime]:
    goal, run = flow.goal, view.run
    assert goal is not None and run is not None
    if goal.did:
        for event in view.events:
            if event.name == goal.did and event_passes(view, event, goal.where):
                yield event.occurred_at
        return
    kind = next(one for one in ("clicked", "opened", "replied") if getattr(goal, one))
    in_flow, message = message_parts(str(getattr(goal, kind)))
    mine = [
        sent
        for sent in view.past.sent
        if (sent.customer, sent.flow, sent.entry) == (view.person.external_id, run.flow, run.entry)
    ]
    for receipt in view.world.receipts:
        if receipt.customer != view.person.external_id or receipt.kind != kind:
            continue
        if message not in (None, receipt.message) or in_flow not in (None, receipt.flow):
            continue
        if receipt.at <= view.now and any(answers_send(receipt, sent) for sent in mine):
            yield receipt.at


def end_passage(work: Tick, passage: Passage, reason: str, detail: str | None = None) -> None:
    if passage.held_reason is not None:
        note_decision(work, passage, "suppress", "run_ended", detail=reason)
    passage.ended_at = work.now
    passage.exit_reason = reason
    passage.exit_detail = detail
    passage.standing = None
    passage.held_reason = None


def note_decision(
    work: Tick,
    passage: Passage,
    decision: str,
    reason: str | None,
    *,
    channel: str | None = None,
    detail: str | None = None,
) -> None:
    step = passage.standing
    assert isinstance(step, Send) and passage.reached_at is not None
    work.decisions.append(
        Decision(
            work.now, passage.customer, passage.flow, passage.entry, step.id or step.operand,
            step.operand, decision, reason, passage.reached_at, channel, detail, passage.variant,
        )
    )  # fmt: skip
