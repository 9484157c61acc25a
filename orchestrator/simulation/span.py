"""A simulated span of time: its decisions as they fall, and its figures at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, select

from orchestrator import tables
from orchestrator.counting import counted, percent
from orchestrator.criteria.scope import population
from orchestrator.language.durations import Duration
from orchestrator.playbook.model import Playbook
from orchestrator.records.spans import FlowSpan, SpanReport
from orchestrator.records.ticks import DecisionLine
from orchestrator.render.mask import Masking
from orchestrator.render.renderer import Renderer
from orchestrator.simulation.arrivals import Arrivals
from orchestrator.simulation.assumed import Assumed
from orchestrator.simulation.figures import Figures
from orchestrator.simulation.instants import tick_instants
from orchestrator.simulation.play import play
from orchestrator.simulation.scratch import copied
from orchestrator.telling import decision_lines, printer_for, told
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.results import decisions


@dataclass(frozen=True)
class SpanRequest:
    """What is to be simulated."""

    begin: datetime
    """Aware UTC; the first tick."""
    days: int
    every: Duration
    assumed: Assumed
    flows: frozenset[str] | None = None
    """Tell only of these flows; None is all. The others still compete."""
    drafts: frozenset[str] = frozenset()
    """Drafts that count as live."""
    reveal: bool = False
    """Whether personal attributes are rendered unmasked."""


@dataclass
class Simulation:
    """One span over one scratch database. Play it once, by ``lines`` or ``samples``."""

    engine: Engine
    playbook: Playbook
    request: SpanRequest
    goes_on_from: datetime | None
    passed: Callable[[str], None]
    """Told the day of each tick as it begins."""
    _renderer: Renderer = field(init=False)
    _masking: Masking | None = field(init=False)
    _arrivals: Arrivals = field(init=False)
    _ticks: int = 0
    _end: datetime | None = None
    _notes: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._renderer = Renderer(self.playbook)
        self._masking = None if self.request.reveal else Masking(self.playbook)
        self._arrivals = Arrivals(self.engine, self.playbook.catalog, self.request.assumed)
        self._arrivals.replace_stored(self.request.begin)

    @property
    def zone(self) -> ZoneInfo:
        """The project's zone."""
        return ZoneInfo(self.playbook.project.timezone)

    def lines(self) -> Iterator[DecisionLine]:
        """Play the span and yield every decision, in order of time, rendered as it passes."""
        for tick in self._play():
            yield from decision_lines(
                tick, self._masking, self.request.flows, whole=0, renderer=self._renderer
            )

    def samples(self, most: int) -> list[DecisionLine]:
        """Play the span to its end and return the first sends of different messages, rendered."""
        known: set[tuple[str, str]] = set()
        found: list[DecisionLine] = []
        for tick in self._play():
            if len(found) < most:
                found += self._first_of_each(tick, known)
        return found[:most]

    def _first_of_each(self, tick: Tick, known: set[tuple[str, str]]) -> list[DecisionLine]:
        """Return the first send of each message that no tick before this one sent."""
        rows = workspace.message.c
        here = {(flow, name) for flow, name in tick.connection.execute(
            select(rows.flow, rows.message).where(rows.channel != "webhook").distinct()
        )}  # fmt: skip
        fresh = {key for key in here - known if self._shows(key[0])}
        known |= here
        if not fresh:
            return []
        chosen = []
        for batch in decisions(tick, sorted({flow for flow, _ in fresh})):
            for row in batch:
                if row.decision == "send" and (row.flow, row.message) in fresh:
                    fresh.discard((row.flow, row.message))
                    chosen.append(row)
        printer = printer_for(tick, self._masking, renderer=self._renderer)
        return list(told(chosen, printer))

    def _play(self) -> Iterator[Tick]:
        request = self.request
        instants = tick_instants(request.begin, request.days, request.every, self.zone)
        supply = self._arrivals.supply
        for ticked in play(self.engine, self.playbook, instants, supply, drafts=request.drafts):
            self.passed(f"{ticked.tick.now.astimezone(self.zone):%Y-%m-%d}")
            self._ticks += 1
            self._end = ticked.tick.now
            self._notes.update(dict.fromkeys(ticked.tick.notes))
            self._arrivals.watch(ticked.tick)
            yield ticked.tick

    def _shows(self, flow: str) -> bool:
        return self.request.flows is None or flow in self.request.flows

    def report(self) -> SpanReport:
        """Return the figures of the ticks played so far, of the selected flows.

        Pressure counts the messages of all flows: customers do not know them apart.
        """
        request = self.request
        with self.engine.connect() as connection:
            figures = Figures(connection, request.begin, self.zone)
            flows = figures.flows([name for name in self._evaluated() if self._shows(name)])
            tripped = figures.tripped()
            existing = select(func.count()).where(
                population(tables.customer, self._end or request.begin)
            )
            customers = connection.execute(existing).scalar_one()
            volumes = [one for one in figures.volumes() if self._shows(one.flow)]
            pressure = figures.pressure()
            connection.rollback()
        shares = request.assumed.shares
        return SpanReport(
            begin=request.begin,
            end=self._end or request.begin,
            ticks=self._ticks,
            every=str(request.every),
            release=self.playbook.fingerprint,
            goes_on_from=self.goes_on_from,
            customers=customers,
            flows=flows,
            volumes=volumes,
            pressure=pressure,
            sends=sum(flow.sends for flow in flows.values()),
            seed=request.assumed.seed if shares else None,
            assumed={name: percent(share) for name, share in shares.items()},
            project_tripped_at=tripped.get(str(self.playbook.project.project)),
            notes=(*self._notes, *_missed_hours(flows.values())),
        )

    def _evaluated(self) -> list[str]:
        return [
            name
            for name, flow in sorted(self.playbook.flows.items())
            if flow.status in EVALUATED or name in self.request.drafts
        ]


HOURS = ("quiet_hours", "send_between")
"""Reasons to hold that end by themselves at the right time of day."""
EVALUATED = ("live", "shadow")
"""Statuses of flows that ticks evaluate; named drafts beside them."""


def _missed_hours(flows: Iterable[FlowSpan]) -> Iterator[str]:
    """Yield a remark if messages expired because no tick came while they might have gone."""
    missed = sum(
        count for flow in flows for reason, count in flow.expired.items() if reason in HOURS
    )
    if missed:
        yield (
            f"{counted(missed, 'message')} expired outside their hours: ticks were too rare to "
            "meet them, or came at the wrong time of day; --every 1h looks every hour"
        )


@contextmanager
def simulation(
    source: Engine, playbook: Playbook, request: SpanRequest, passed: Callable[[str], None]
) -> Iterator[Simulation]:
    """Lay out a simulation over a copy of a database; at the end the copy is removed."""
    with copied(source, request.begin) as (engine, goes_on_from):
        yield Simulation(engine, playbook, request, goes_on_from, passed)
