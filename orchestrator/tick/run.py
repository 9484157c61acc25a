"""Running one tick, live or dry: the same evaluation, kept or thrown away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from orchestrator import tables
from orchestrator.database import start_snapshot
from orchestrator.errors import UsageError
from orchestrator.flow.entry import entry_types
from orchestrator.flow.graph import graph
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.records import TickReport
from orchestrator.tick import apply, entries, results, rounds, states, workspace
from orchestrator.tick.context import Breaker, LiveFlow, Tick, watermark


@dataclass(frozen=True)
class TickPlan:
    """What one tick is asked to do."""

    playbook: Playbook
    now: datetime
    """Aware UTC."""
    as_live_since: datetime | None = None
    """Previews only: evaluate as if flows never live had gone live then (semantics 1)."""
    drafts: Collection[str] = ()
    """Previews only: drafts that count as live."""
    at_station: Callable[[str], None] = lambda station: None


@dataclass(frozen=True)
class Ticked:
    """A tick that was evaluated; its TEMP tables are still there to be read."""

    tick: Tick
    report: TickReport
    did_nothing: bool = False
    """Whether a live tick found that its instant is not after the watermark."""


@contextmanager
def dry_run(engine: Engine, plan: TickPlan) -> Iterator[Ticked]:
    """Evaluate a tick and keep nothing; the results can be read inside the ``with`` block.

    Raises:
        UsageError: the instant is before the latest live tick.
    """
    with engine.connect() as connection:
        tick = _begin(connection, plan)
        if tick.watermark is not None and plan.now < tick.watermark:
            raise UsageError(
                f"{plan.now:%Y-%m-%dT%H:%M:%SZ} is before the latest tick, "
                f"{tick.watermark:%Y-%m-%dT%H:%M:%SZ}",
                help="a preview looks at now or later; to replay the past, use simulate",
            )
        _evaluate(tick, plan.as_live_since)
        yield Ticked(tick, results.report(tick, dry_run=True))
        connection.rollback()


@contextmanager
def live_run(engine: Engine, plan: TickPlan) -> Iterator[Ticked]:
    """Evaluate a tick and write it; the results can be read inside the ``with`` block.

    A tick whose instant is not after the watermark does nothing, and says so.
    """
    with engine.connect() as connection:
        tick = _begin(connection, plan)
        if tick.watermark is not None and plan.now <= tick.watermark:
            yield Ticked(tick, results.report(tick, dry_run=False), did_nothing=True)
            return
        _evaluate(tick, None)
        connection.commit()
        connection.execution_options(sqlite_begin="IMMEDIATE")
        with connection.begin():
            written = apply.write(tick)
        connection.execution_options(sqlite_begin="DEFERRED")  # reading back locks nobody out
        yield Ticked(tick, results.report(tick, dry_run=False), did_nothing=not written)


def _begin(connection: Connection, plan: TickPlan) -> Tick:
    """Lay out the TEMP tables and begin to read one state of the data."""
    connection.execution_options(sqlite_begin="DEFERRED")
    workspace.lay_out(connection)
    connection.commit()
    start_snapshot(connection)
    latest, last_customer_id = watermark(connection)
    known = _flow_states(connection)
    return Tick(
        connection=connection,
        playbook=plan.playbook,
        now=plan.now,
        names=names_of(plan.playbook),
        flows=_live_flows(plan, known),
        watermark=latest,
        last_customer_id=last_customer_id,
        breakers={
            name: Breaker(tripped, resumed)
            for name, (_, tripped, resumed) in known.items()
            if tripped or resumed
        },
        at_station=plan.at_station,
    )


FlowStates = Mapping[str, tuple[datetime | None, datetime | None, datetime | None]]


def _flow_states(connection: Connection) -> FlowStates:
    table = tables.flow_state
    query = select(table.c.flow, table.c.live_since, table.c.tripped_at, table.c.resumed_at)
    return {
        flow: (since, tripped, resumed)
        for flow, since, tripped, resumed in connection.execute(query)
    }


def _live_flows(plan: TickPlan, known: FlowStates) -> dict[str, LiveFlow]:
    names = names_of(plan.playbook)
    segments = {name: segment.when for name, segment in plan.playbook.segments.items()}
    found = {}
    for name, flow in sorted(plan.playbook.flows.items()):
        if flow.status != "live" and not (flow.status == "draft" and name in plan.drafts):
            continue
        since = known.get(name, (None, None, None))[0]
        first = plan.as_live_since or plan.now
        found[name] = LiveFlow(
            flow,
            graph(flow.steps),
            since or first,
            is_first=since is None,
            entry_types=entry_types(flow.starts_when, segments, names),
        )
    return found


def _evaluate(tick: Tick, as_live_since: datetime | None) -> None:
    tick.notes += _notes(tick)
    states.evaluate(tick, as_live_since)
    for live in tick.flows.values():
        entries.take_up_runs(tick, live)
    for live in tick.flows.values():
        tick.at_station(f"entries of {live.name}")
        entries.enter(tick, live)
    rounds.play(tick)
    tick.at_station("done")


def _notes(tick: Tick) -> list[str]:
    unknown = tick.unknown_zones()
    if not unknown:
        return []
    listed = ", ".join(repr(name) for name in unknown[:5]) + (" …" if len(unknown) > 5 else "")
    return [f"{len(unknown)} time zones are no IANA names and count as {tick.zone}: {listed}"]
