"""Caps over many sends at once: the volume breaker and frequency rules (semantics 54-57)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    union,
    update,
)

from orchestrator import tables, timing
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import to_micros
from orchestrator.criteria.messages import one_message
from orchestrator.flow.graph import in_document_order
from orchestrator.flow.steps.send import Send
from orchestrator.gate.policy import frequency_rules, volume_limits
from orchestrator.playbook.model import FrequencyRule, VolumeLimit
from orchestrator.tables.reading import aliased
from orchestrator.tick import overlay, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

attempt, run = workspace.attempt, workspace.run
FREQUENCY = "frequency"
VOLUME = "volume"
Rules = Sequence[tuple[FrequencyRule, tuple[str, ...] | None]]
"""Frequency rules, each with the flows whose messages it counts; None counts all."""
PASSED = attempt.c.decision.is_(None)
"""The attempts that every test so far lets pass; in the end, those that are sent."""
COPY = workspace.attempt_copy.c
COPIED = attempt.join(
    workspace.attempt_copy,
    and_(*(COPY[key] == attempt.c[key] for key in ("flow", "customer_id", "entry", "step"))),
)
"""Attempts beside each further channel that they are sent on."""


# --- volume ---------------------------------------------------------------------------


def hold_volume(tick: Tick, sending: Sequence[LiveFlow]) -> None:
    """Hold all sends of every flow, then of the project, that more people stand at than allowed.

    Args:
        sending: the flows that have attempts.
    """
    for live in sending:
        limit, _ = volume_limits(tick.playbook, live.flow)
        if limit is not None:
            _hold_past_limit(tick, live.name, limit, [live.name])
    shared = tick.playbook.project.guardrails
    if shared is not None and shared.stop_if_more_than is not None:
        name = str(tick.playbook.project.project)
        # what a flow in shadow would send must not stop what others send
        counted = [live.name for live in tick.flows.values() if not live.is_shadow]
        _hold_past_limit(tick, name, shared.stop_if_more_than, counted)


def _hold_past_limit(tick: Tick, name: str, limit: VolumeLimit, names: list[str]) -> None:
    state = tick.breakers.get(name)
    mine = and_(PASSED, attempt.c.flow.in_(names))
    if state is not None and state.resumed_at is not None:
        # what stood here when the breaker was resumed has been let go by a person
        mine = and_(mine, attempt.c.reached_at > to_micros(state.resumed_at))
    tripped = name in tick.tripped or (state is not None and state.tripped_at is not None)
    if not tripped:
        if _customers(tick, mine, names, limit, state) <= limit.customers:
            return
        tick.tripped.add(name)
    tick.execute(update(attempt).where(mine).values(decision="hold", reason=VOLUME))


def _customers(
    tick: Tick, mine: ColumnElement[bool], names: list[str], limit: VolumeLimit, state: Any
) -> int:
    """Return how many different customers stand at these sends or were sent to lately."""
    if not tick.any(mine):
        return 0
    sent = overlay.messages_with_changes()
    since = tick.scope(tables.customer, "").ago(limit.per)
    lately = select(sent.c.customer_id).where(
        sent.c.flow.in_(names),
        sent.c.channel != WEBHOOK,
        sent.c.set_aside == 0,
        sent.c.decided_at > since,
        sent.c.decided_at <= to_micros(tick.now),
    )
    if state is not None and state.resumed_at is not None:
        lately = lately.where(sent.c.due_at > to_micros(state.resumed_at))
    standing = select(attempt.c.customer_id).where(mine)
    everybody = union(standing, lately).subquery()
    return tick.connection.execute(select(func.count()).select_from(everybody)).scalar_one()


# --- frequency ------------------------------------------------------------------------


def decide_in_order(tick: Tick, sending: Sequence[LiveFlow]) -> None:
    """Send what passes the frequency rules, each customer's attempts in order of precedence.

    Args:
        sending: the flows that have attempts.
    """
    passes = _rank(tick)
    ruled = _by_rules(tick, sending)
    for rank in range(1, passes + 1):
        for rules, flows in ruled:
            _hold_frequent(tick, rules, flows, rank)
        _withhold(tick, rank)
        _write_messages(tick, rank)


def _rank(tick: Tick) -> int:
    """Number each customer's attempts, all 1 so far; returns the most that any customer has."""
    most = select(func.count().label("many")).where(PASSED).group_by(attempt.c.customer_id)
    found = tick.connection.execute(select(func.max(most.subquery().c.many))).scalar_one()
    if found is None or found == 1:
        return int(found or 0)
    turn = func.row_number().over(
        partition_by=attempt.c.customer_id,
        order_by=(
            attempt.c.priority.desc(),
            attempt.c.reached_at,
            attempt.c.flow,
            attempt.c.entry,
            attempt.c.step,
        ),
    )
    keys = ("flow", "customer_id", "entry", "step")
    ranked = select(*(attempt.c[key] for key in keys), turn.label("turn")).where(PASSED).subquery()
    tick.execute(
        update(attempt)
        .where(ranked.c.turn > 1, *(attempt.c[key] == ranked.c[key] for key in keys))
        .values(rank=ranked.c.turn)
    )
    return int(found)


def _by_rules(tick: Tick, sending: Sequence[LiveFlow]) -> list[tuple[Rules, list[str]]]:
    """Return the different rules of some flows, and the flows that each of them is for."""
    found: list[tuple[Rules, list[str]]] = []
    for live in sending:
        rules = frequency_rules(tick.playbook, live.flow)
        same = [names for known, names in found if known == rules]
        if same:
            same[0].append(live.name)
        elif rules:
            found.append((rules, [live.name]))
    return found


def _hold_frequent(tick: Tick, rules: Rules, flows: Sequence[str], rank: int) -> None:
    mine = and_(
        PASSED,
        attempt.c.rank == rank,
        attempt.c.flow.in_(flows),
        attempt.c.purpose == "marketing",
    )
    used_up = or_(*(_used_up(tick, rule, whose) for rule, whose in rules), false())
    values = {"decision": "hold", "reason": FREQUENCY}
    tick.execute(update(attempt).where(mine, used_up).values(**values))


def _used_up(tick: Tick, rule: FrequencyRule, flows: tuple[str, ...] | None) -> ColumnElement[bool]:
    """Return whether a rule's messages in ``(now - per, now]`` are all sent already."""
    messages: ColumnElement[int] = literal(0)
    for sent in (aliased(tables.message), aliased(workspace.message)):
        # two counts, not one of a union: each probes its own index
        query = select(_messages(tick, sent)).where(
            sent.c.customer_id == attempt.c.customer_id, *counted(tick, rule, flows, sent)
        )
        messages = messages + query.correlate(attempt).scalar_subquery()
    used_up = messages >= rule.at_most
    if rule.channel is None:
        return used_up
    channel = str(rule.channel)
    copies = select(COPY.channel).where(
        COPY.channel == channel,
        *(COPY[key] == attempt.c[key] for key in ("flow", "customer_id", "entry", "step")),
    )
    return and_(or_(attempt.c.channel == channel, exists(copies.correlate(attempt))), used_up)


def counted(
    tick: Tick, rule: FrequencyRule, flows: tuple[str, ...] | None, sent: FromClause
) -> list[ColumnElement[bool]]:
    """Return the tests that a rule's messages in ``(now - per, now]`` pass, of any customer.

    Args:
        flows: those whose messages the rule counts; None counts all.
        sent: rows of the ledger.
    """
    tests = [
        sent.c.decided_at > to_micros(timing.minus(tick.now, rule.per)),
        sent.c.decided_at <= to_micros(tick.now),
        sent.c.purpose == "marketing",
        sent.c.set_aside == 0,
    ]
    if flows is not None:
        tests.append(sent.c.flow.in_(flows))
    if rule.channel is not None:
        tests.append(sent.c.channel == str(rule.channel))
    return tests


def _messages(tick: Tick, sent: FromClause) -> ColumnElement[int]:
    """Return how many messages rows of the ledger are: one sent on several channels is one."""
    if not any(send.on_each_channel for send in _sends(tick)):
        return func.count()
    return func.count(one_message(sent).distinct())


def _sends(tick: Tick) -> Iterator[Send]:
    for flow in (*tick.playbook.flows.values(), *(live.flow for live in tick.pinned)):
        for step in in_document_order(flow.steps):
            if isinstance(step, Send):
                yield step


def _withhold(tick: Tick, rank: int) -> None:
    """Suppress what flows in shadow would send now; so it counts for nobody (semantics 59)."""
    names = [live.name for live in tick.flows.values() if live.is_shadow]
    mine = and_(PASSED, attempt.c.rank == rank, attempt.c.flow.in_(names))
    if names:
        tick.execute(update(attempt).where(mine).values(decision="suppress", reason="shadow"))


def _release(tick: Tick) -> ColumnElement[str]:
    """Return the release whose step sends: today's, or that which a run is pinned to."""
    today = literal(tick.playbook.fingerprint)
    if not tick.pinned:
        return today
    same = and_(*(run.c[key] == attempt.c[key] for key in ("flow", "customer_id", "entry")))
    version = select(func.nullif(run.c.version, "")).where(same).correlate(attempt)
    return func.coalesce(version.scalar_subquery(), today)


def _write_messages(tick: Tick, rank: int) -> None:
    """Enter the attempts of a rank that are left in the ledger."""
    now = to_micros(tick.now)
    columns: dict[str, Any] = {
        name: attempt.c[name]
        for name in (
            "customer_id", "flow", "entry", "step", "occurrence", "channel", "message", "purpose",
            "topic", "variant",
        )
    }  # fmt: skip
    columns |= {
        "generation": literal(0),
        "release": _release(tick),
        "decided_at": literal(now),
        "due_at": attempt.c.reached_at,
        "state": literal("queued"),
        "state_at": literal(now),
        "not_before": func.coalesce(attempt.c.not_before, 0),
    }
    which = and_(PASSED, attempt.c.rank == rank)
    query = select(*columns.values()).where(which)
    tick.execute(insert(workspace.message).from_select(list(columns), query))
    if workspace.attempt_copy.name not in tick.filled:
        return
    copies = select(*{**columns, "channel": COPY.channel}.values()).select_from(COPIED)
    tick.execute(insert(workspace.message).from_select(list(columns), copies.where(which)))
