"""How the machine stands, as the database tells it: due, held, queued, who plans, what stopped."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, case, func, or_, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.flow.graph import graph
from orchestrator.health.leaving import Leaving, leaving
from orchestrator.health.lists import (
    AudienceStanding,
    DayListStanding,
    audience_standings,
    day_list_standings,
)
from orchestrator.playbook.model import Playbook
from orchestrator.scheduler.lease import Office, office
from orchestrator.tick import resting
from orchestrator.tick.beginning import watermark
from orchestrator.tick.breaker import tripped
from orchestrator.tick.releases import latest_release

WEBHOOK = "webhook"


@dataclass
class FlowStanding:
    """The active runs of one flow."""

    active: int = 0
    due: int = 0
    """Whose wait is over: the next tick moves them."""
    next_due_at: datetime | None = None
    """The first wait that is not over yet."""
    held: Counter[str] = field(default_factory=Counter)
    """Reason → runs that stand at a send."""


@dataclass(frozen=True)
class Paused:
    """Something a person, or the scheduler itself, has stopped."""

    flow: str | None
    """None: a channel, or everything."""
    channel: str | None
    at: datetime
    reason: str | None

    @property
    def says(self) -> str:
        """What is paused, as people are told."""
        return self.flow or self.channel or "everything"

    @property
    def resume(self) -> str:
        """The command that lets it go on."""
        channel = f"--channel {self.channel}" if self.channel else "--all"
        return f"clmctl resume {self.flow or channel}"


@dataclass(frozen=True)
class Stranded:
    """Active runs that stand where the playbooks have nothing."""

    flow: str
    step: str | None
    runs: int


@dataclass(frozen=True)
class Standing:
    """The state at a glance."""

    now: datetime
    last_tick: datetime | None
    release: str | None
    """Of the last tick."""
    leader: Office | None
    paused: Sequence[Paused]
    flows: Mapping[str, FlowStanding]
    queued: Mapping[str, int]
    """Channel → messages decided and not yet handed over; webhooks are apart."""
    webhooks: int
    """Webhooks that are queued."""
    tripped: Mapping[str, datetime]
    """Flow (or project) → when its volume breaker tripped."""
    stranded: Sequence[Stranded]
    leaving: Leaving
    """What becomes of decided messages."""
    audiences: Sequence[AudienceStanding]
    """The lists for advertisers; none if the files do not load."""
    day_lists: Sequence[DayListStanding]
    """The channels that write a list a day; none if the files do not load."""
    changed: int
    """Customers whom the next tick looks at: for new facts, or for what the last tick did."""

    @property
    def lag_seconds(self) -> int | None:
        """How long ago the last tick was; None before the first."""
        if self.last_tick is None:
            return None
        return max(0, round((self.now - self.last_tick).total_seconds()))

    @property
    def due(self) -> int:
        """Runs that the next tick moves."""
        return sum(flow.due for flow in self.flows.values())

    @property
    def next_due_at(self) -> datetime | None:
        """When the next wait ends that is not over yet."""
        waits = [flow.next_due_at for flow in self.flows.values() if flow.next_due_at]
        return min(waits, default=None)


def standing(
    connection: Connection, playbook: Playbook | None, folder: Path, now: datetime
) -> Standing:
    """Return how the machine stands; reads only.

    Args:
        playbook: what the runs should stand in; None if the files do not load, then no run is
            called stranded.
        folder: the project's.
    """
    rows = _runs(connection, now)
    queued = _queued(connection)
    last_tick = watermark(connection)[0]
    audiences = audience_standings(connection, playbook, now) if playbook else ()
    day_lists = day_list_standings(connection, playbook, last_tick) if playbook else ()
    return Standing(
        now=now,
        last_tick=last_tick,
        release=latest_release(connection),
        leader=office(connection),
        paused=_paused(connection),
        flows=_flows(rows),
        queued={name: count for name, count in queued.items() if name != WEBHOOK},
        webhooks=queued.get(WEBHOOK, 0),
        tripped=tripped(connection),
        stranded=_stranded(rows, playbook) if playbook is not None else (),
        leaving=leaving(connection, playbook, folder, now),
        audiences=list(audiences),
        day_lists=list(day_lists),
        changed=_changed(connection),
    )


@dataclass(frozen=True)
class _Runs:
    flow: str
    step: str | None
    release: str
    held: str | None
    count: int
    due: int
    next_due_at: datetime | None


def _runs(connection: Connection, now: datetime) -> list[_Runs]:
    run = tables.enrollment.c
    is_due = run.due_at <= to_micros(now)
    # what a rule or a breaker holds waits for no instant of its own
    later = case((or_(is_due, resting.rests(tables.enrollment)), None), else_=run.due_at)
    place = (run.flow, run.step, run.release, run.held_reason)
    query = (
        select(*place, func.count(), func.sum(case((is_due, 1), else_=0)), func.min(later))
        .where(run.status == tables.ACTIVE)
        .group_by(*place)
        .order_by(*place)
    )
    return [_Runs(*row) for row in connection.execute(query)]


def _flows(rows: Iterable[_Runs]) -> dict[str, FlowStanding]:
    flows: dict[str, FlowStanding] = defaultdict(FlowStanding)
    for row in rows:
        flow = flows[row.flow]
        flow.active += row.count
        flow.due += row.due
        waits = [one for one in (flow.next_due_at, row.next_due_at) if one is not None]
        flow.next_due_at = min(waits, default=None)
        if row.held:
            flow.held[row.held] += row.count
    return dict(flows)


def _stranded(rows: Iterable[_Runs], playbook: Playbook) -> list[Stranded]:
    steps = {name: graph(flow.steps).nodes for name, flow in playbook.flows.items()}
    lost: Counter[tuple[str, str | None]] = Counter()
    for row in rows:
        flow = playbook.flows.get(row.flow)
        keeps_its_release = flow is not None and getattr(flow, "in_flight", None) == "pin"
        if row.step not in steps.get(row.flow, {}) and not keeps_its_release:
            lost[row.flow, row.step] += row.count
    return [Stranded(flow, step, runs) for (flow, step), runs in lost.items()]


def _queued(connection: Connection) -> dict[str, int]:
    row = tables.message.c
    query = select(row.channel, func.count()).where(row.state == "queued").group_by(row.channel)
    return {channel: count for channel, count in connection.execute(query.order_by(row.channel))}


def _paused(connection: Connection) -> list[Paused]:
    row = tables.control.c
    query = select(row.kind, row.name, row.at, row.reason).where(row.state == "paused")
    found = connection.execute(query.order_by(row.kind, row.name))
    return [
        Paused(name if kind == "flow" else None, name if kind == "channel" else None, at, why)
        for kind, name, at, why in found
    ]


def _changed(connection: Connection) -> int:
    query = select(func.count(tables.dirty.c.customer_id.distinct()))
    return connection.execute(query).scalar_one()
