"""What one tick knows: its instant, its playbook, the flows it runs, where it reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Insert,
    Table,
    insert,
    literal,
    select,
    true,
)

from orchestrator import tables, timing
from orchestrator.columns import to_day_number, to_micros
from orchestrator.criteria.base import Criterion
from orchestrator.criteria.facts import Facts, SpanRow
from orchestrator.criteria.names import Names
from orchestrator.criteria.scope import Scope
from orchestrator.playbook.model import Playbook
from orchestrator.tick import workspace
from orchestrator.tick.beginning import zone_names
from orchestrator.tick.live_flow import LiveFlow, Place
from orchestrator.tick.observer import Observer
from orchestrator.tick.past import Past
from orchestrator.tick.pauses import Pause


def _tell_nobody(station: str) -> None:
    """Take note of a station nobody watches."""


@dataclass(frozen=True)
class Breaker:
    """The state of a volume breaker: of a flow, or of the project under its own name."""

    tripped_at: datetime | None
    resumed_at: datetime | None


@dataclass
class Tick:
    """One tick under way on one connection."""

    connection: Connection
    playbook: Playbook
    now: datetime
    """Aware UTC."""
    names: Names
    flows: Mapping[str, LiveFlow]
    """By id, sorted: the order of every part."""
    watermark: datetime | None
    """The latest live tick before this one."""
    last_customer_id: int
    """The greatest customer id the latest live tick saw; 0 before the first."""
    newest_customer_id: int
    """The greatest customer id this tick sees, never less than the latest live tick saw."""
    is_full: bool = True
    """Whether everybody is evaluated, not only who is in ``tick_due``."""
    gate_is_edited: bool = True
    """Whether the gate may go by something else than in the latest live tick."""
    probes: bool = False
    """Whether so few are evaluated that conditions are best asked one by one."""
    paused: Mapping[str, Pause | None] = field(default_factory=dict)
    """Flow that is not evaluated, for it is paused → the pause by hand, None if by its file."""
    nobody_due: bool = False
    """Whether nothing changed, and the clock has moved nobody, since the last tick."""
    filled: set[str] = field(default_factory=set)
    """The tables that this tick has inserted rows into, by name: the others need no statement."""
    volatile: dict[tuple[str, str], bool] = field(default_factory=dict)
    """(flow, version) → whether its exits are asked again between steps, once it is known."""
    counts: bool = True
    """Whether the report says how many customers there are, and how many in each stage."""
    busy: Sequence[LiveFlow] = ()
    """The flows with runs that this tick touches, once entries are decided."""
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    """Flow (or project) → its volume breaker, as far as it ever tripped."""
    zone_names: Sequence[str] = ()
    """The raw time zones of the customers, '' for none."""
    facts: Facts = field(init=False)
    past: Past = field(init=False)
    """The flows as earlier releases had them."""
    is_edited: bool = field(init=False)
    """Whether other releases have decided before: a run may come again to what it has done."""
    pinned: tuple[LiveFlow, ...] = ()
    """Earlier versions of flows, for the runs that are pinned to them; by flow."""
    tripped: set[str] = field(default_factory=set)
    """Flows (or the project, by its name) whose volume breaker trips in this tick."""
    left_out: dict[tuple[str, str], int] = field(default_factory=dict)
    """(flow, reason) → occurrences refused that are counted, not kept as rows."""
    notes: list[str] = field(default_factory=list)
    at_station: Callable[[str], None] = _tell_nobody
    """Told the name of each station as the tick reaches it."""
    observer: Observer | None = None
    term: int | None = None
    """The scheduler's term of office; None for a tick that a person runs."""
    clock: Callable[[], datetime] | None = None
    """Asked when the tick is written, for the record only."""
    smears: bool = False
    """Whether messages that hours have held are spread over the time after those open."""
    effects: int = 0
    """How many steps have logged effects so far: what they are told apart by in order."""
    _spans: dict[tuple[SpanRow, ...], int] = field(default_factory=dict)
    """The ranges that are stored → their key."""

    def __post_init__(self) -> None:
        self.zone_names = zone_names(self.connection)
        self.facts = self._facts()
        self.past = Past(self.connection)
        self.is_edited = self.past.has_other(self.playbook.fingerprint)

    @cached_property
    def waits_over(self) -> Mapping[str, tuple[bool, bool]]:
        """Flow → whether active runs of it have no instant to wait for, or one that has come."""
        seen, runs = tables.flow_state.c, tables.enrollment.c
        one = (
            select(literal(1)).where(runs.flow == seen.flow, runs.status == tables.ACTIVE).limit(1)
        )
        at_once = one.where(runs.due_at.is_(None)).scalar_subquery()
        come = one.where(runs.due_at <= to_micros(self.now)).scalar_subquery()
        found = self.connection.execute(select(seen.flow, at_once, come))
        return {flow: (first is not None, last is not None) for flow, first, last in found}

    @property
    def zone(self) -> ZoneInfo:
        """The project's zone."""
        return ZoneInfo(self.playbook.project.timezone)

    def zone_of(self, name: str) -> ZoneInfo:
        """Return the zone a customer's raw zone means; no IANA name is the project's."""
        return timing.zone_or(name, self.zone)[0]

    def unknown_zones(self) -> list[str]:
        """Return the raw zones that are no IANA names."""
        return [name for name in self.zone_names if name and not timing.zone_or(name, self.zone)[1]]

    # --- asking -----------------------------------------------------------------------

    def asks(self, criterion: Criterion | None, scope: Scope, here: ColumnElement[bool]) -> None:
        """Let whoever looks on know that some runs are about to be asked a condition."""
        if self.observer is not None and criterion is not None:
            self.observer.asked(self, criterion, scope, here)

    def scope(
        self,
        customer: FromClause,
        owner: str,
        *,
        now: datetime | None = None,
        run: FromClause | None = None,
        each: bool = False,
        this_run: bool = False,
    ) -> Scope:
        """Return the scope that conditions of ``owner`` are compiled in."""
        return Scope(
            now=now or self.now,
            zone=self.zone,
            names=self.names,
            facts=self.facts,
            customer=customer,
            owner=owner,
            each=each or self.probes,
            run=run,
            entry_types=self._types(owner, "entry_types") if run is not None else {},
            result_types=self._types(owner, "result_types") if run is not None else {},
            this_run=this_run,
        )

    def looked_at(self, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether this tick must look at a customer."""
        if self.is_full:
            return true()
        return customer_id.in_(select(workspace.due.c.customer_id))

    def looked_for(self, live: LiveFlow, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether this tick must look at a customer for a flow.

        A flow that is new, or that ticks have set aside, looks at everybody once.
        """
        return true() if self.looks_at_everybody(live) else self.looked_at(customer_id)

    def looks_at_everybody(self, live: LiveFlow) -> bool:
        """Return whether a flow's runs and entries are looked for without regard to change."""
        if self.is_full or live.is_first or live.seen_at != self.watermark:
            return True
        return live.flow.opens is not None and self._has_come(live.flow.opens)

    def _has_come(self, moment: date | datetime) -> bool:
        """Return whether a moment came since the last tick, on any customer's clock."""
        last = self.watermark
        return last is None or any(
            last < timing.begins(moment, self.zone_of(name)) <= self.now for name in self.zone_names
        )

    def _types(self, flow: str, which: str) -> dict[str, Any]:
        """Return the types of what a run brings along, in whatever version of its flow."""
        versions = [live for live in self.pinned if live.name == flow]
        found: dict[str, Any] = {}
        for live in (*versions, self.flows[flow]):
            found |= getattr(live, which)
        return found

    def rendered_by(self) -> Playbook:
        """Return the playbook that renders this tick's sends, those of pinned runs too."""
        if not self.pinned:
            return self.playbook
        return dataclasses.replace(self.playbook, earlier=tuple(one.flow for one in self.pinned))

    def walked(self) -> list[LiveFlow]:
        """Return all versions of flows that runs walk, by flow, that of today first."""
        return sorted((*self.flows.values(), *self.pinned), key=lambda one: one.name)

    def execute(self, statement: Executable) -> int:
        """Execute a statement; returns the number of rows it wrote."""
        counted = {"preserve_rowcount": True}  # else PostgreSQL tells -1 of an INSERT
        written = self.connection.execute(statement, execution_options=counted).rowcount
        if written and isinstance(statement, Insert):
            self.filled.add(statement.table.name)
        return written

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that are known here, maybe none."""
        if rows:
            self.connection.execute(insert(table), rows)
            self.filled.add(table.name)

    def any(self, which: ColumnElement[bool]) -> bool:
        """Return whether any row of the table that ``which`` tests passes."""
        query = select(literal(1)).where(which).limit(1)
        return self.connection.execute(query).first() is not None

    def standing(self, *which: ColumnElement[bool]) -> set[Place]:
        """Return where the runs of this tick stand that pass some tests.

        One question spares the statements of all steps at which there is nobody.
        """
        run = workspace.run.c
        query = select(run.flow, run.version, run.step).where(*which).distinct()
        return {Place(*row) for row in self.connection.execute(query)}

    # --- the time line per zone -------------------------------------------------------

    def add_spans(self, ranges: Callable[[str], Sequence[SpanRow]]) -> int:
        """Store the ranges that a function gives for each raw zone; returns their key.

        Many steps have the same hours, and so the same ranges: those are stored once.
        """
        rows = tuple(row for name in self.zone_names for row in ranges(name))
        if rows not in self._spans:
            self._spans[rows] = key = len(self._spans) + 1
            self.insert(workspace.span, [{"key": key, **dataclasses.asdict(row)} for row in rows])
        return self._spans[rows]

    def forget_facts_of(self, now: datetime) -> None:
        """Rebuild the zones' local days for another instant of the same tick."""
        self.connection.execute(workspace.zone.delete())
        self.facts = self._facts(now)

    def _facts(self, now: datetime | None = None) -> Facts:
        days = {
            name: timing.local_day(now or self.now, self.zone_of(name)) for name in self.zone_names
        }
        rows = [{"name": name, "local_day": to_day_number(day)} for name, day in days.items()]
        self.insert(workspace.zone, rows)
        return Facts(
            zones=workspace.zone,
            local_days=tuple(sorted(set(days.values()))),
            spans=workspace.span,
            add_spans=self.add_spans,
        )
