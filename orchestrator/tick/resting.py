"""Sends that a rule or a breaker holds, and until when nobody need ask (semantics 56, 57).

They are decided as if they were tried at every tick. A try can end otherwise than the last one
for two reasons only: an instant has come that is known beforehand (a message leaves the window of
a rule, the send expires, its slots close), or a fact about the customer has changed. Until the
first such instant a run rests; its ``due_at`` says how long. Facts put their customers on the work
list, and those that the clock makes facts are swept, as for steps that are asked at every tick.

Under a volume breaker that has not tripped runs do not rest, for it counts everybody who stands at
a send; they are no more than its limit, or it trips. Those whom a person has let past it are not
counted. What a tripped one holds rests until a person resumes it: ``breaker.wake`` puts all of
them on the work list. It rests from the second tick on, so that a resume that comes while a tick
is under way finds in the database whoever rests.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, func, literal, select, update

from orchestrator import tables, timing
from orchestrator.columns import MICROSECOND, to_micros
from orchestrator.criteria.sweep import Sweep
from orchestrator.gate.policy import SendPolicy, frequency_rules, send_policy, volume_limits
from orchestrator.language.durations import FIXED_UNITS, Duration
from orchestrator.playbook.model import FrequencyRule
from orchestrator.tables.reading import aliased
from orchestrator.tick import caps, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.tries import Standing
from orchestrator.tick.zones import due_by_zone

run, attempt = workspace.run, workspace.attempt
RESTING = (caps.FREQUENCY, caps.VOLUME)


def rests(rows: FromClause) -> ColumnElement[bool]:
    """Return whether a run stands at a send that a frequency rule or a volume breaker holds.

    Args:
        rows: with the columns of ``enrollment``.
    """
    return rows.c.held_reason.in_(RESTING)


def may_rest(tick: Tick, live: LiveFlow) -> bool:
    """Return whether sends of a flow may rest: a rule may hold them, or a breaker once did."""
    rules = frequency_rules(tick.playbook, live.flow)
    return bool(rules) or any(name in tick.breakers for name in _breakers(tick, live))


# --- what may change about them -------------------------------------------------------


def watch(sweep: Sweep, tick: Tick, live: LiveFlow) -> None:
    """Sweep the boundaries of what a try of a resting send asks of its customer."""
    if not may_rest(tick, live):
        return
    for node, step in live.graph.sends():
        policy = send_policy(tick.playbook, live.flow, node, step)
        if _is_foreseen(tick, live, policy):
            _watch_send(sweep, live, policy)


def _watch_send(sweep: Sweep, live: LiveFlow, policy: SendPolicy) -> None:
    sweep.of(policy.step.only_if, live.name)
    if live.flow.recheck:
        sweep.of(live.flow.audience, live.name)
    sweep.consents()
    sweep.suppressions()


def _is_foreseen(tick: Tick, live: LiveFlow, policy: SendPolicy) -> bool:
    """Return whether what a send asks can say when the clock changes its answer."""
    if not policy.is_marketing:
        return False
    trial = Sweep(tick.names, tick.now, tick.now, None)
    _watch_send(trial, live, policy)
    return not trial.unsaid


# --- until when they rest -------------------------------------------------------------


def rest(standing: Standing, held: ColumnElement[bool]) -> None:
    """Leave the runs that a frequency rule holds alone until time may let them go."""
    tick, live, policy = standing.tick, standing.live, standing.policy
    rules = frequency_rules(tick.playbook, live.flow)
    if not rules or not _is_foreseen(tick, live, policy):
        return
    uncounted = _is_let_past_breakers(tick, live)
    if uncounted is None:
        return
    ends = [_passes(tick, run.c.reached_at, policy.expires_after)]
    ends += [_passes(tick, _oldest(tick, *rule), rule[0].per) for rule in rules]
    frequent = run.c.held_reason == caps.FREQUENCY
    tick.execute(
        update(run).where(held, frequent, *uncounted).values(due_at=_first(standing, ends))
    )


def rest_until_resumed(standing: Standing, held_before: ColumnElement[bool]) -> None:
    """Leave the runs alone that a tripped breaker holds, as it did in an earlier tick.

    A breaker that counts who stands here and has not tripped forbids it.
    """
    tick, live, policy = standing.tick, standing.live, standing.policy
    if not (_is_shut(tick, live) and _is_foreseen(tick, live, policy)):
        return
    expires = _passes(tick, run.c.reached_at, policy.expires_after)
    stopped = run.c.held_reason == caps.VOLUME
    until = _first(standing, [expires])
    tick.execute(update(run).where(held_before, stopped).values(due_at=until))


def _first(standing: Standing, ends: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    """Return the first of some instants, and of when the slots of a send close next."""
    tick, policy = standing.tick, standing.policy
    if policy.quiet_hours or policy.send_between:
        ends = [*ends, due_by_zone(tick, standing.closes_next)]
    least = func.min if tick.connection.dialect.name == "sqlite" else func.least
    return least(*ends) if len(ends) > 1 else ends[0]


def _breakers(tick: Tick, live: LiveFlow) -> list[str]:
    """Return the names of the volume breakers that count the sends of a flow, its own first."""
    own, shared = volume_limits(tick.playbook, live.flow)
    names = [live.name] if own else []
    if shared is not None and not live.is_shadow:
        names.append(str(tick.playbook.project.project))
    return names


def _is_shut(tick: Tick, live: LiveFlow) -> bool:
    """Return whether the first breaker that counts the sends of a flow has tripped before."""
    first = next(iter(_breakers(tick, live)), None)
    state = tick.breakers.get(first) if first is not None else None
    return state is not None and state.tripped_at is not None


def _is_let_past_breakers(tick: Tick, live: LiveFlow) -> list[ColumnElement[bool]] | None:
    """Return which runs no volume breaker counts, as tests; None if there are none."""
    tests = []
    for name in _breakers(tick, live):
        state = tick.breakers.get(name)
        if state is None or state.resumed_at is None:
            return None
        tests.append(run.c.reached_at <= to_micros(state.resumed_at))
    return tests


def _oldest(tick: Tick, rule: FrequencyRule, flows: tuple[str, ...] | None) -> ColumnElement[int]:
    """Return when the first message was decided that a rule counts for a run's customer."""
    sent = aliased(tables.message)
    counted = caps.counted(tick, rule, flows, sent)
    query = select(func.min(sent.c.decided_at)).where(
        sent.c.customer_id == run.c.customer_id, *counted
    )
    # what the ledger does not have yet was decided now
    return func.coalesce(query.correlate(run).scalar_subquery(), to_micros(tick.now))


def _passes(tick: Tick, at: ColumnElement[Any], span: Duration) -> ColumnElement[Any]:
    """Return when the boundary so long before now passes an instant that lies after it.

    Within a day of UTC a boundary moves as the clock does; where months begin it jumps, so that
    an instant it does not pass today is answered too early rather than too late.
    """
    moved = at + (tick.now - timing.minus(tick.now, span)) // MICROSECOND
    if span.unit in FIXED_UNITS:
        return moved
    midnight = literal(to_micros(_next_midnight(tick.now)))
    earliest = at + timing.shortest(span) // MICROSECOND
    return case((moved < midnight, moved), (earliest < midnight, midnight), else_=earliest)


def _next_midnight(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC) + timedelta(days=1)
