"""Cost follows change: a tick that looks at few decides what one that looks at all decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import ticking
from databases import empty
from harness import PACKAGES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from programmes import playbook
from random_programmes import STEPS_OF_TIME, Story, stories
from reference.loading import load
from reference.world import World
from sqlalchemy import Engine, select
from ticking import Told, lines

from orchestrator import tables
from orchestrator.playbook.model import Playbook
from orchestrator.tick.run import TickPlan, dry_run

ZONE = ZoneInfo("Europe/Vienna")
LATER = (*STEPS_OF_TIME, timedelta(hours=1), timedelta(hours=9), timedelta(days=1))


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package with conditions of its own be installed."""
    monkeypatch.syspath_prepend(str(PACKAGES))


@dataclass(frozen=True)
class Arriving:
    """A story whose facts come to be known one after the other, some of them late."""

    story: Story
    parts: tuple[World, ...]
    """What is imported before each tick."""


@st.composite
def arriving(draw: st.DrawFn) -> Arriving:
    """A story of several ticks; customers come first or late, their facts in any order."""
    story = draw(stories())
    ticks = list(story.ticks)
    for _ in range(draw(st.integers(1, 5))):
        ticks.append(ticks[-1] + draw(st.sampled_from(LATER)))
    story = Story(story.programme, story.world, tuple(ticks))
    places = st.integers(0, len(ticks) - 1)
    come = {
        one.external_id: draw(st.sampled_from([0, 0, draw(places)])) for one in story.world.people
    }

    def since(customer: str) -> int:
        return max(come[customer], draw(places) if draw(st.booleans()) else 0)

    world = story.world
    happened = [(since(one.customer), one) for one in world.happenings]
    agreed = [(since(one.customer), one) for one in world.consents]
    received = [(since(one.customer), one) for one in world.receipts]
    parts = tuple(
        World(
            people=tuple(one for one in world.people if come[one.external_id] == place),
            happenings=tuple(one for when, one in happened if when == place),
            consents=tuple(one for when, one in agreed if when == place),
            receipts=tuple(one for when, one in received if when == place),
            suppressed=world.suppressed if place == 0 else frozenset(),
        )
        for place in range(len(ticks))
    )
    return Arriving(story, parts)


Seen = list[tuple[Told, set[ticking.Run], list[tuple[object, ...]]]]


def play(engine: Engine, built: Playbook, told: Arriving, *, everybody: bool) -> Seen:
    """Run the story's ticks; returns what each told, and the runs and stays it left."""
    empty(engine)
    known, seen = World(), []
    for now, part in zip(told.story.ticks, told.parts, strict=True):
        known = known.plus(part)
        load(engine, part, ZONE, known)
        found = ticking.live(engine, built, now, everybody=everybody)
        seen.append((found, ticking.runs(engine), _stays(engine)))
    return seen


def _stays(engine: Engine) -> list[tuple[object, ...]]:
    customer = tables.customer.c
    with engine.connect() as connection:
        found: list[tuple[object, ...]] = []
        for stays in (tables.stage_interval, tables.segment_interval):
            columns = [column for column in stays.c if column.name != "customer_id"]
            query = select(customer.external_id, *columns)
            joined = query.join_from(tables.customer, stays, customer.id == stays.c.customer_id)
            found += map(tuple, connection.execute(joined))
    return sorted(found, key=repr)


def difference(engine: Engine, told: Arriving) -> str | None:
    """Return what the first tick that differs decided in both ways."""
    built = playbook(told.story.programme)
    few = play(engine, built, told, everybody=False)
    all_of_them = play(engine, built, told, everybody=True)
    for now, one, other in zip(told.story.ticks, few, all_of_them, strict=True):
        pairs = (
            (lines(one[0].decisions), lines(other[0].decisions)),
            (one[0].stages, other[0].stages),
            (sorted(map(repr, one[1])), sorted(map(repr, other[1]))),
            (one[2], other[2]),
        )
        for mine, theirs in pairs:
            if mine != theirs:
                return f"at {now.isoformat()}\n  few  {mine}\n  all  {theirs}"
    return None


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=arriving())
def test_few_looked_at_decide_what_all_decide(engine: Engine, told: Arriving) -> None:
    found = difference(engine, told)
    if found is not None:
        pytest.fail(f"{found}\n\n{told.story.programme}\n{told.parts}")


def test_a_steady_tick_looks_at_nobody_without_a_reason(engine: Engine) -> None:
    built = playbook({"stages": [{"stage": "fresh", "when": {"did": "buy", "in_last": "3 days"}}]})
    start = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
    ticking.live(engine, built, start)
    with dry_run(engine, TickPlan(built, start + timedelta(minutes=1))) as ticked:
        assert not ticked.tick.is_full
