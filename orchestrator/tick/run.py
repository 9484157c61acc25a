"""Running one tick, live or dry: the same evaluation, kept or thrown away."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection, Engine, func, select

from orchestrator import tables
from orchestrator.criteria.base import leaves
from orchestrator.criteria.kinds.flow_runs import FlowMove, InFlow
from orchestrator.database import in_one_transaction, start_snapshot
from orchestrator.errors import UsageError
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.records.ticks import TickReport
from orchestrator.tick import (
    apply,
    definitions,
    due,
    edits,
    entries,
    pauses,
    results,
    rounds,
    runs,
    setting,
    states,
    temp_tables,
    versions,
    workspace,
)
from orchestrator.tick.beginning import watermark
from orchestrator.tick.context import Breaker, Tick
from orchestrator.tick.flows_in_force import flow_memory, live_flows, paused_flows
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.observer import Observer
from orchestrator.tick.showing import show_runs


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
    everybody: bool = False
    """Look at every customer, whether or not anything changed: the same answers, slower."""
    asked: str | None = None
    """Explanations only: the flow that counts as live whatever its status, and paused or not."""
    counts: bool = True
    """Whether the report counts all customers and their stages; a clock has no use for that."""
    at_station: Callable[[str], None] = lambda station: None
    term: int | None = None
    """The scheduler's term of office: once another has begun, the tick is not written."""
    observer: Observer | None = None
    """Told what the tick is about to ask, by ``clmctl test --coverage``."""
    clock: Callable[[], datetime] | None = None
    """Asked as a live tick is written, for ``tick.recorded_at``; decisions never see it."""
    smears: bool = False
    """Whether what hours have held leaves little by little, for workers are there to send it;
    decisions never see it."""
    slack: timedelta = timedelta()
    """So far ``now`` may lie behind the latest tick, and is then the instant after it: a
    scheduler may tick while a command begins, or by a clock that is a little ahead."""


@dataclass(frozen=True)
class Ticked:
    """A tick that was evaluated; its TEMP tables are still there to be read."""

    tick: Tick
    is_dry: bool
    did_nothing: bool = False
    """Whether a live tick found that its instant is not after the watermark."""

    @cached_property
    def report(self) -> TickReport:
        """What the tick did, in numbers."""
        return results.report(self.tick, dry_run=self.is_dry)

    def count(self) -> None:
        """Read the numbers now: once the tick is written, stages would count twice."""
        _ = self.report


@contextmanager
def dry_run(engine: Engine, plan: TickPlan) -> Iterator[Ticked]:
    """Evaluate a tick and keep nothing; the results can be read inside the ``with`` block.

    Raises:
        UsageError: the instant is before the latest live tick.
    """
    with engine.connect() as connection:
        tick = _begin(connection, plan)
        _refuse_the_past(tick)
        _evaluate(tick, plan.as_live_since)
        yield Ticked(tick, is_dry=True)
        connection.rollback()


def _refuse_the_past(tick: Tick) -> None:
    if tick.watermark is not None and tick.now < tick.watermark:
        raise UsageError(
            f"{tick.now:%Y-%m-%dT%H:%M:%SZ} is before the latest tick, "
            f"{tick.watermark:%Y-%m-%dT%H:%M:%SZ}",
            help="look at now or later; clmctl simulate --from TIME starts afresh in the past",
        )


@contextmanager
def states_of(engine: Engine, plan: TickPlan) -> Iterator[Tick]:
    """Evaluate a dry tick as far as stages and segments; inside, its TEMP tables are there.

    Raises:
        UsageError: the instant is before the latest live tick.
    """
    with engine.connect() as connection:
        tick = _begin(connection, plan)
        _refuse_the_past(tick)
        versions.find(tick)
        due.find(tick)
        states.evaluate(tick, plan.as_live_since)
        yield tick
        connection.rollback()


@contextmanager
def entries_of(engine: Engine, plan: TickPlan, flow: str) -> Iterator[tuple[Tick, LiveFlow]]:
    """Evaluate a dry tick as far as the entries of one flow; inside, its TEMP tables are there.

    The flow is looked at as if it were live, whatever its status.

    Raises:
        UsageError: the instant is before the latest live tick.
    """
    with states_of(engine, dataclasses.replace(plan, asked=flow)) as tick:
        live = tick.flows[flow]
        # a run also ends where another begins in its place, as entries are decided
        follows = any(start.head == "leaves_flow" for start in live.flow.starts_when)
        others = tick.flows.keys() if follows or _asks_about_runs(live.flow) else {flow}
        for one in tick.walked():
            if one.name in others:
                edits.take_up(tick, one)
        show_runs(tick)
        for name in sorted(others & tick.flows.keys()):
            if name < flow:
                entries.enter(tick, tick.flows[name])
        due.add_entered(tick)
        entries.enter(tick, live)
        yield tick, live


def _asks_about_runs(flow: Flow) -> bool:
    """Return whether who may enter a flow depends on who is in, or entered, another."""
    matching = (start.operand for start in flow.starts_when if isinstance(start, MatchesStart))
    asked = (flow.audience, flow.exits_when, *matching)
    return any(isinstance(leaf, InFlow | FlowMove) for one in asked for leaf in leaves(one))


def _matches_runs(tick: Tick) -> bool:
    """Return whether a flow that asks everybody again asks who is in, or entered, another."""
    asking = (live.flow for live in tick.flows.values())
    return any(
        _asks_about_runs(flow) for flow in asking if any(one.asks_again for one in flow.starts_when)
    )


@contextmanager
def live_run(engine: Engine, plan: TickPlan) -> Iterator[Ticked]:
    """Evaluate a tick and write it; the results can be read inside the ``with`` block.

    A tick whose instant is not after the watermark does nothing, and says so.
    """
    with engine.connect() as connection:
        tick = _begin(connection, plan)
        if tick.watermark is not None and plan.now <= tick.watermark:
            yield Ticked(tick, is_dry=False, did_nothing=True)
            return
        _evaluate(tick, None)
        ticked = Ticked(tick, is_dry=False)
        if plan.counts:
            ticked.count()
        setting.note_replaced(tick)
        connection.commit()
        connection.execution_options(sqlite_begin="IMMEDIATE")
        written = in_one_transaction(connection, lambda: apply.write(tick))
        connection.execution_options(sqlite_begin="DEFERRED")  # reading back locks nobody out
        start_snapshot(connection)
        yield ticked if written else dataclasses.replace(ticked, did_nothing=True)


def _begin(connection: Connection, plan: TickPlan) -> Tick:
    """Lay out the TEMP tables and begin to read one state of the data."""
    connection.execution_options(sqlite_begin="DEFERRED")
    temp_tables.lay_out(connection, workspace.work)
    connection.commit()
    start_snapshot(connection)
    latest, last_customer_id = watermark(connection)
    plan = _caught_up(plan, latest)
    newest = connection.scalar(select(func.max(tables.customer.c.id))) or 0
    edited = definitions.edited(connection, plan.playbook)
    known, by_hand = flow_memory(connection), pauses.pauses(connection)
    paused = paused_flows(plan, by_hand)
    return Tick(
        connection=connection,
        playbook=plan.playbook,
        now=plan.now,
        names=names_of(plan.playbook),
        flows=live_flows(plan, known, paused),
        paused=paused,
        watermark=latest,
        last_customer_id=last_customer_id,
        newest_customer_id=max(newest, last_customer_id),
        counts=plan.counts,
        smears=plan.smears,
        is_full=(
            plan.everybody
            or latest is None
            or plan.as_live_since is not None
            or bool(edited - {definitions.GATE})
        ),
        gate_is_edited=definitions.GATE in edited,
        breakers={
            name: Breaker(noted.tripped_at, noted.resumed_at)
            for name, noted in known.items()
            if noted.tripped_at or noted.resumed_at
        },
        at_station=plan.at_station,
        term=plan.term,
        clock=plan.clock,
        observer=plan.observer,
    )


def _caught_up(plan: TickPlan, latest: datetime | None) -> TickPlan:
    if latest is None or not latest - plan.slack <= plan.now < latest:
        return plan
    return dataclasses.replace(plan, now=latest + timedelta(microseconds=1))


def _evaluate(tick: Tick, as_live_since: datetime | None) -> None:
    tick.notes += _notes(tick)
    versions.find(tick)
    due.find(tick)
    states.evaluate(tick, as_live_since)
    edits.end_deleted(tick)
    for live in tick.walked():
        edits.take_up(tick, live)
    show_runs(tick)
    matches_runs = _matches_runs(tick)
    for live in tick.flows.values():
        tick.at_station(f"entries of {live.name}")
        entries.enter(tick, live)
        if matches_runs:
            due.add_entered(tick)
    runs.take_up_beside(tick)
    if tick.observer is not None:
        tick.observer.entered(tick)
    rounds.play(tick)
    tick.at_station("done")


def _notes(tick: Tick) -> list[str]:
    unknown = tick.unknown_zones()
    if not unknown:
        return []
    listed = ", ".join(repr(name) for name in unknown[:5]) + (" …" if len(unknown) > 5 else "")
    said = (
        "1 time zone is no IANA name and counts"
        if len(unknown) == 1
        else f"{len(unknown)} time zones are no IANA names and count"
    )
    return [f"{said} as {tick.zone}: {listed}"]
