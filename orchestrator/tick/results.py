"""Reading back what a tick found: numbers per flow, and a line per decision."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, select

from orchestrator import tables
from orchestrator.channels.spec import WEBHOOK
from orchestrator.counting import counted
from orchestrator.criteria.scope import population
from orchestrator.records.sends import Decided
from orchestrator.records.ticks import FlowReport, Sizes, TickReport
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.tick.apply import left_out
from orchestrator.tick.context import Tick
from orchestrator.tick.pauses import runs_standing_still

BATCH = 1_000
"""Rows fetched at a time; lines are never all in memory."""


def decisions(tick: Tick, flows: Collection[str] | None = None) -> Iterator[list[Decided]]:
    """Yield the tick's decisions in batches, sorted as semantics 60 says.

    Args:
        flows: only decisions of these flows; None is all.
    """
    rows, customer, run = workspace.decision, tables.customer, workspace.run
    same = and_(
        run.c.flow == rows.c.flow,
        run.c.customer_id == rows.c.customer_id,
        run.c.entry == rows.c.entry,
    )
    query = (
        select(
            rows.c.customer_id, customer.c.external_id, customer.c.email, customer.c.phone,
            customer.c.push_token, customer.c.locale, customer.c.timezone, rows.c.flow,
            rows.c.entry, rows.c.step, rows.c.occurrence, rows.c.message,
            rows.c.channel, rows.c.variant, rows.c.at, rows.c.due_at, run.c.entry_at,
            run.c.entry_event_id, run.c.start, rows.c.decision, rows.c.reason, rows.c.detail,
        )
        .select_from(rows.join(customer, customer.c.id == rows.c.customer_id).outerjoin(run, same))
        .order_by(
            rows.c.at, customer.c.external_id, rows.c.flow, rows.c.entry, rows.c.step,
            rows.c.channel, rows.c.occurrence,
        )
    )  # fmt: skip
    if flows is not None:
        query = query.where(rows.c.flow.in_(sorted(flows)))
    streamed = tick.connection.execution_options(yield_per=BATCH).execute(query)
    for batch in streamed.partitions(BATCH):
        yield [Decided._make(row) for row in batch]


def report(tick: Tick, *, dry_run: bool) -> TickReport:
    """Return what the tick did, in numbers."""
    flows = _flows(tick)
    return TickReport(
        now=tick.now,
        release=tick.playbook.fingerprint,
        dry_run=dry_run,
        customers=_customers(tick) if tick.counts else 0,
        flows=flows,
        stages=_stages(tick) if tick.counts else {},
        sends=sum(flow.sends for flow in flows.values()),
        notes=(*tick.notes, *_project_breaker(tick), *(_calls(tick) if dry_run else ())),
        paused={name: runs_standing_still(tick.connection, name) for name in tick.paused},
    )


def sizes(tick: Tick) -> Sizes:
    """Return how many customers are in each stage and segment, once those are evaluated."""
    return Sizes(tick.now, _customers(tick), _stages(tick), _segments(tick))


def _customers(tick: Tick) -> int:
    existing = select(func.count()).where(population(tables.customer, tick.now))
    return tick.connection.execute(existing).scalar_one()


def _flows(tick: Tick) -> Mapping[str, FlowReport]:
    entered, exited = _entered(tick), _exited(tick)
    decided, effects = _decided(tick), _effects(tick)
    refused: dict[str, dict[str, int]] = defaultdict(dict)
    for flow, reason, count in left_out(tick):
        refused[flow][reason] = count
    return {
        name: FlowReport(
            entered=entered.get(name, 0),
            exited=exited[name],
            sends=sum(decided[name, "send"].values()),
            sends_by_channel=decided[name, "send"],
            held=decided[name, "hold"],
            suppressed=decided[name, "suppress"],
            expired=sum(decided[name, "expire"].values()),
            effects=effects[name, "done"],
            withheld=effects[name, "withheld"],
            left_out=refused[name],
            tripped=_is_tripped(tick, name),
            shadow=live.is_shadow,
        )
        for name, live in tick.flows.items()
    }


def _project_breaker(tick: Tick) -> list[str]:
    """Return what people must know of the project's own volume breaker, if it tripped."""
    name = str(tick.playbook.project.project)
    if not _is_tripped(tick, name):
        return []
    return [f"the project's volume breaker holds all sends: clmctl resume {name} lets them go"]


def _is_tripped(tick: Tick, name: str) -> bool:
    breaker = tick.breakers.get(name)
    return name in tick.tripped or (breaker is not None and breaker.tripped_at is not None)


def _entered(tick: Tick) -> dict[str, int]:
    run = workspace.run
    query = select(run.c.flow, func.count()).where(run.c.is_new == 1).group_by(run.c.flow)
    return {flow: count for flow, count in tick.connection.execute(query)}


def _exited(tick: Tick) -> Mapping[str, dict[str, int]]:
    run = workspace.run
    query = (
        select(run.c.flow, run.c.exit_reason, func.count())
        .where(run.c.status == "ended")
        .group_by(run.c.flow, run.c.exit_reason)
        .order_by(run.c.flow, run.c.exit_reason)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for flow, reason, count in tick.connection.execute(query):
        found[flow][reason] = count
    return found


def _decided(tick: Tick) -> Mapping[tuple[str, str], dict[str, int]]:
    """Return (flow, decision) → channel (of sends) or reason → count."""
    rows = workspace.decision
    query = select(
        rows.c.flow, rows.c.decision, func.coalesce(rows.c.reason, rows.c.channel), func.count()
    )
    query = query.where(func.coalesce(rows.c.channel, "") != WEBHOOK)
    query = query.group_by(
        rows.c.flow, rows.c.decision, func.coalesce(rows.c.reason, rows.c.channel)
    )
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for flow, decision, key, count in sorted(tick.connection.execute(query), key=_by_text):
        found[flow, decision][key] = count
    return found


def _calls(tick: Tick) -> list[str]:
    """Return which webhooks a live run would call, for a preview that calls none."""
    rows = workspace.message
    customers = func.count(rows.c.customer_id.distinct())
    query = select(rows.c.message, customers).where(rows.c.channel == WEBHOOK)
    found = tick.connection.execute(query.group_by(rows.c.message).order_by(rows.c.message))
    return [
        f"would call {name} for {counted(count, 'customer')}; a preview calls nothing"
        for name, count in found
    ]


def _effects(tick: Tick) -> Mapping[tuple[str, str], dict[str, int]]:
    """Return (flow, done or withheld) → the step's head, or why it was withheld → count."""
    rows = workspace.effect
    query = select(rows.c.flow, rows.c.kind, rows.c.withheld, func.count()).group_by(
        rows.c.flow, rows.c.kind, rows.c.withheld
    )
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for flow, kind, withheld, count in sorted(tick.connection.execute(query), key=_by_text):
        found[flow, "withheld" if withheld else "done"][withheld or kind] += count
    return found


def _by_text(row: Any) -> tuple[str, ...]:
    return tuple(map(str, row))


def _stages(tick: Tick) -> Mapping[str, int]:
    stays = aliased(tick.facts.stages)
    present = _present(tick, stays, stays.c.stage)
    return {str(stage.stage): present.get(stage.stage, 0) for stage in tick.playbook.stages}


def _segments(tick: Tick) -> Mapping[str, int]:
    stays = aliased(tick.facts.segments)
    present = _present(tick, stays, stays.c.segment)
    return {name: present.get(name, 0) for name in sorted(tick.playbook.segments)}


def _present(tick: Tick, stays: FromClause, name: ColumnElement[str]) -> dict[str, int]:
    query = select(name, func.count()).where(stays.c.ended_at.is_(None)).group_by(name)
    return {found: count for found, count in tick.connection.execute(query)}
