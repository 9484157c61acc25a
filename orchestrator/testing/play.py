"""Playing a test: its customers, its clock, and live ticks one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.database import memory_engine
from orchestrator.explain.entry import explaining
from orchestrator.language.marks import Problem
from orchestrator.language.names import Name
from orchestrator.playbook.model import FlowTest, Playbook
from orchestrator.playbook.model.given import Values
from orchestrator.records.explained import Explained
from orchestrator.simulation.play import play
from orchestrator.testing.check import flows_of
from orchestrator.testing.coverage import Coverage
from orchestrator.testing.extract import extract
from orchestrator.testing.moments import Moments
from orchestrator.testing.seen import Refusal, Seen, refusals_in, seen_in
from orchestrator.testing.times import clock_of
from orchestrator.testing.world import World, facts_of
from orchestrator.tick.run import TickPlan


@dataclass(frozen=True)
class Stage:
    """A test with all it needs: what it plays in."""

    test: FlowTest
    playbook: Playbook
    """An extract of the project."""
    customers: Mapping[Name, Values]

    @classmethod
    def of(cls, test: FlowTest, playbook: Playbook, customers: Mapping[Name, Values]) -> Stage:
        """Return a test with as much of the project as it needs."""
        return cls(test, extract(playbook, flows_of(test)), customers)

    @property
    def zone(self) -> ZoneInfo:
        """The project's zone, by which the test's times are read."""
        return ZoneInfo(self.playbook.project.timezone)

    @property
    def clock(self) -> datetime:
        """When the test begins, UTC."""
        return clock_of(self.test.clock, self.zone)

    @property
    def end(self) -> datetime:
        """Until when it is watched, that instant included."""
        return timing.plus(self.clock, self.test.run_for)


@dataclass
class Played:
    """What came of a test."""

    seen: list[Seen] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Customers that cannot be: an import would reject them."""
    ticks: int = 0


def play_test(stage: Stage, coverage: Coverage | None = None) -> Played:
    """Play a test to its end.

    Args:
        coverage: looks on as each tick decides.
    """
    played = Played()
    with _world(stage) as world:
        if world.refused:
            played.problems = world.refused
            return played
        _play(stage, world, stage.end, played, coverage)
    return played


def _play(
    stage: Stage, world: World, end: datetime, played: Played, coverage: Coverage | None
) -> None:
    moments = Moments(world.engine, stage.playbook, stage.clock, end, _zones(stage))
    moments.plan((fact.at for fact in world.facts), stage.test.every)
    goals: set[tuple[str, int, int]] = set()
    for ticked in play(world.engine, stage.playbook, moments, world.supply, observer=coverage):
        found = list(seen_in(ticked.tick, goals))
        played.refusals += refusals_in(ticked.tick)
        played.seen += found
        played.ticks += 1
        if coverage is not None:
            coverage.ended(ticked.tick)
        if found:
            moments.changed(ticked.tick.now, holds=any(one.head == "held" for one in found))


@contextmanager
def _world(stage: Stage) -> Iterator[World]:
    engine = memory_engine()
    try:
        facts = facts_of(stage.test.timeline, stage.clock, stage.zone)
        world = World(engine, stage.playbook, stage.zone, facts)
        world.settle(stage.customers)
        yield world
    finally:
        engine.dispose()


def _zones(stage: Stage) -> list[ZoneInfo]:
    names = {values[name].raw for values in stage.customers.values() for name in values
             if name == "timezone"}  # fmt: skip
    found = {timing.zone_or(name, stage.zone)[0].key for name in names}
    return [ZoneInfo(name) for name in sorted({*found, stage.zone.key})]


def explain_at(stage: Stage, customer: str, flow: str, now: datetime) -> Explained:
    """Play a test up to an instant, and explain one customer there, before its tick."""
    with _world(stage) as world:
        before = now - timing.LATEST.resolution
        if before >= stage.clock:
            _play(stage, world, before, Played(), None)
        world.supply(now)
        plan = TickPlan(stage.playbook, now, None if before >= stage.clock else stage.clock)
        with explaining(world.engine, plan, stage.playbook.flows[flow], reveal=True) as explainer:
            return explainer.explain(customer)
