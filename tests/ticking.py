"""Running the product's ticks, and reading what they decided as the reference tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from reference.state import Decision, Effect, EffectKey, State, Tick
from replies import FAILURE, reply
from sqlalchemy import Engine, select

from orchestrator import tables
from orchestrator.answers import Answer, record
from orchestrator.playbook.model import Playbook
from orchestrator.tick import pauses
from orchestrator.tick.results import decisions
from orchestrator.tick.run import Ticked, TickPlan, dry_run, live_run

VIENNA = ZoneInfo("Europe/Vienna")


@dataclass(frozen=True)
class Told:
    """What one tick told: its decisions in order, and who was left out."""

    decisions: list[Decision]
    left_out: Counter[tuple[str, str]]
    """(flow, entry reason) → how many."""
    stages: dict[str, int]
    """Stage → how many customers are in it; stages without any are left out."""


def pause(engine: Engine, flows: Iterable[str], now: datetime) -> None:
    """Pause these flows by hand, and let all others go on; the empty name is all flows."""
    with engine.begin() as connection:
        for name in pauses.pauses(connection):
            pauses.lift(connection, name)
        for name in flows:
            pauses.pause(connection, name, now, None)


def live(engine: Engine, playbook: Playbook, now: datetime, *, everybody: bool = False) -> Told:
    """Run one live tick."""
    with live_run(engine, TickPlan(playbook, now, everybody=everybody)) as ticked:
        return told_of(ticked)


def preview(
    engine: Engine, playbook: Playbook, now: datetime, as_live_since: datetime | None = None
) -> Told:
    """Run one tick and keep nothing."""
    with dry_run(engine, TickPlan(playbook, now, as_live_since)) as ticked:
        return told_of(ticked)


def told_of(ticked: Ticked) -> Told:
    """Return what a tick told, while it can be read."""
    if ticked.did_nothing:
        return Told([], Counter(), {})
    found = [
        Decision(
            row.at, row.customer, row.flow, row.entry, row.step, row.message, row.decision,
            row.reason, row.due_at, row.channel, row.detail, row.variant,
        )
        for batch in decisions(ticked.tick)
        for row in batch
    ]  # fmt: skip
    left_out = Counter(
        {
            (flow, reason): count
            for flow, report in ticked.report.flows.items()
            for reason, count in report.left_out.items()
        }
    )
    stages = {stage: count for stage, count in ticked.report.stages.items() if count}
    return Told(found, left_out, stages)


def told_by(work: Tick) -> Told:
    """Return what a tick of the reference told."""
    here = Counter(
        stays[-1].name for stays in work.state.past.stages.values() if stays and not stays[-1].ended
    )
    return Told(work.decisions, work.left_out, dict(here))


Run = tuple[str, str, int, str, datetime, str | None, str | None, datetime | None]
"""(flow, customer, entry, start, entry at, exit reason, detail, ended at)."""


def runs(engine: Engine) -> set[Run]:
    """Return every run there has been."""
    row, customer = tables.enrollment.c, tables.customer.c
    query = select(
        row.flow, customer.external_id, row.entry, row.start, row.entry_at,
        row.exit_reason, row.exit_detail, row.ended_at,
    ).join_from(tables.enrollment, tables.customer, row.customer_id == customer.id)  # fmt: skip
    with engine.connect() as connection:
        return {tuple(found) for found in connection.execute(query)}


def runs_of(state: State) -> set[Run]:
    """Return every run of the reference."""
    return {
        (
            one.flow, one.customer, one.entry, one.start, one.at,
            one.exit_reason, one.exit_detail, one.ended_at,
        )
        for one in state.passages
    }  # fmt: skip


def hear(engine: Engine) -> None:
    """Record what became of the calls made so far."""
    row, customer = tables.message.c, tables.customer.c
    query = (
        select(
            row.flow, customer.external_id, row.entry, row.step, row.occurrence,
            row.generation, row.decided_at, row.id,
        )
        .join_from(tables.message, tables.customer, row.customer_id == customer.id)
        .where(row.channel == "webhook", row.state == "queued")
    )  # fmt: skip
    with engine.connect() as connection:
        calls = connection.execute(query).all()
    for *call, made_at, number in calls:
        found = reply(tuple(call), made_at)
        if found is not None:
            failure = FAILURE if found.failed else None
            record(engine, Answer(number, found.at, {"points": "2"}, failure), VIENNA)


Effects = dict[EffectKey, Effect]


def effects(engine: Engine) -> Effects:
    """Return everything that steps did beside sending."""
    row, customer = tables.effect.c, tables.customer.c
    query = select(
        row.flow, customer.external_id, row.entry, row.step, row.occurrence,
        row.at, row.kind, row.object, row.withheld,
    ).join_from(tables.effect, tables.customer, row.customer_id == customer.id)  # fmt: skip
    with engine.connect() as connection:
        found = connection.execute(query).all()
    return {EffectKey(*one[:5]): Effect(*one[5:]) for one in found}


def lines(found: Iterable[Decision]) -> list[str]:
    """Return decisions as short lines, for a readable difference."""
    return [
        f"{one.at:%m-%dT%H:%M:%S.%f} {one.customer} {one.flow}/{one.entry} {one.step} "
        f"{one.decision} {one.reason or one.channel} {one.detail or ''} {one.variant or ''} "
        f"due {one.due_at:%m-%dT%H:%M:%S.%f}"
        for one in found
    ]
