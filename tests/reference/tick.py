"""One tick, told step by step for each customer: semantics 24-61, as far as words exist."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reference.calls import call_again
from reference.entries import enter_flow
from reference.frames import look_around
from reference.leaving import active_passages, leave_if_due
from reference.models import evaluate_models
from reference.state import EVALUATED, Passage, State, Tick
from reference.steps import play_rounds
from reference.view import Passed
from reference.world import World

from orchestrator.flow.steps.wait_until import WaitUntil
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.playbook.model import Playbook


def tick(
    playbook: Playbook,
    world: World,
    state: State,
    now: datetime,
    as_live_since: datetime | None = None,
    paused: frozenset[str] = frozenset(),
) -> Tick:
    """Run one tick and write what it remembers into ``state``.

    Args:
        paused: flows paused by hand; the empty name is all of them.
        as_live_since: for a preview: when every flow never yet live is taken to have gone
            live, after stages and segments were evaluated silently at that instant.
    """
    work = Tick(playbook, world, state, now, paused)
    if state.watermark is not None and now <= state.watermark:
        return work
    _know_runs(work)
    if as_live_since is not None:
        _pretend(work, as_live_since)
    evaluate_models(work)
    live = [flow for flow in playbook.flows.values() if work.evaluates(flow)]
    live.sort(key=lambda flow: flow.flow)
    fresh = {str(flow.flow) for flow in live if flow.flow not in state.live_since}
    for name in fresh:
        state.live_since[name] = now
    if as_live_since is not None:
        fresh |= {name for name, since in state.live_since.items() if since == as_live_since}
    for passage in active_passages(work):
        leave_if_due(work, passage)
    _know_runs(work)
    for flow in live:
        known = len(state.passages)
        enter_flow(work, flow, first=flow.flow in fresh)
        state.past.runs += map(_passed, state.passages[known:])
    for passage in active_passages(work):
        if passage.frames or isinstance(passage.standing, WaitUntil | Webhook):
            look_around(work, passage)
    call_again(work, live)
    play_rounds(work)
    state.watermark = now
    state.evaluated |= {flow.flow: now for flow in live}
    state.resumed.clear()
    state.known |= {person.external_id for person in world.existing(now)}
    work.decisions.sort(
        key=lambda one: (one.at, one.customer, one.flow, one.entry, one.step, one.channel or "")
    )
    return work


def _pretend(work: Tick, since: datetime) -> None:
    earlier = replace(work, now=since)
    evaluate_models(earlier)
    work.state.known |= {person.external_id for person in work.world.existing(since)}
    for name, flow in work.playbook.flows.items():
        if flow.status in EVALUATED:
            work.state.live_since.setdefault(name, since)


def _know_runs(work: Tick) -> None:
    """Let conditions see the runs as they are; those that end while walking stay till then."""
    work.state.past.runs = [
        replace(_passed(one), ended=one.ended_at) for one in work.state.passages
    ]


def _passed(passage: Passage) -> Passed:
    return Passed(passage.customer, passage.flow, passage.entry, passage.at)
