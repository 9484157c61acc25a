"""An import that commits while a tick decides counts as if it had come after that tick."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import ticking
from databases import empty
from harness import PACKAGES, Shop, at
from hypothesis import HealthCheck, Phase, given, settings
from loading import rows
from programmes import playbook
from reference.loading import load
from reference.world import World
from sqlalchemy import Engine
from tick.test_incremental import ZONE, Arriving, arriving

from orchestrator.importing.run import import_file
from orchestrator.playbook.model import Playbook
from orchestrator.tick.run import TickPlan, live_run

NOW = at("2026-03-02T10:00")
LATER = NOW + timedelta(minutes=1)


def tick_over_an_import(shop: Shop, tmp_path: Path, customers: str) -> None:
    """Run a live tick at ``NOW``; the import commits after it has decided, before it is written."""
    path = tmp_path / "customers.csv"
    path.write_text(customers)

    def at_station(station: str) -> None:
        if station == "done":
            import_file(shop.engine, "customers", path, catalog=shop.playbook.catalog)

    with live_run(shop.engine, TickPlan(shop.playbook, NOW, at_station=at_station)) as ticked:
        assert not ticked.did_nothing


def test_old_customers_who_come_while_a_tick_decides_start_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    flow = """
    flow: gold
    status: live
    starts_when: {enters_segment: golden}
    steps: [{send: welcome}]
    """
    segments = "segments: {golden: [{attribute: plan, is: gold}]}"
    shop.write(segments=segments, gold=flow).customers(ana={})
    shop.tick("2026-03-02T09:00")
    tick_over_an_import(
        shop,
        tmp_path,
        "id,email,plan,subscribed_to,created_at\nold,o@shop.example,gold,news,2020-01-01\n",
    )

    assert shop.told("2026-03-02T10:01") == []


@pytest.mark.parametrize(("imported", "kept"), [("100", "100"), ("", None), ("5", "6")])
def test_an_attribute_that_an_import_changes_while_a_tick_adds_to_it_is_the_imports(
    shop: Shop, tmp_path: Path, imported: str, kept: str | None
) -> None:
    flow = """
    flow: bonus
    status: live
    starts_when: {did: buy}
    steps: [{set: {points: {add: 1}, plan: gold}}]
    """
    shop.write(bonus=flow).customers(ana={"points": 5})
    shop.tick("2026-03-02T09:00")
    shop.event("ana", "buy", "2026-03-02T09:30").import_facts()
    tick_over_an_import(shop, tmp_path, f"id,points\nana,{imported}\n")

    found = dict(rows(shop.engine, "SELECT name, text FROM attribute_value"))
    assert (found.get("points"), found.get("plan")) == (kept, "gold")


Seen = list[tuple[list[str], list[str], ticking.Effects]]


def play(engine: Engine, built: Playbook, told: Arriving, *, station: str | None) -> Seen:
    """Run a story's ticks; what comes after each one comes after it, or at a station of it."""
    empty(engine)
    known, seen = World(), []

    def arrive(part: World) -> None:
        nonlocal known
        known = known.plus(part)
        load(engine, part, ZONE, known)

    arrive(told.parts[0])
    for now, part in zip(told.story.ticks, (*told.parts[1:], World()), strict=True):
        coming = [part]

        def at_station(passed: str, coming: list[World] = coming) -> None:
            if passed == station:
                arrive(coming.pop())

        plan = TickPlan(built, now, at_station=at_station)
        with live_run(engine, plan) as ticked:
            decided = ticking.lines(ticking.told_of(ticked).decisions)
        if coming:
            arrive(coming.pop())
        ticking.hear(engine)
        runs = sorted(map(repr, ticking.runs(engine)))
        seen.append((decided, runs, ticking.effects(engine)))
    return seen


@pytest.mark.slow
@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=arriving())
def test_what_comes_while_a_tick_decides_counts_as_if_it_came_after(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, told: Arriving
) -> None:
    monkeypatch.syspath_prepend(str(PACKAGES))
    built = playbook(told.story.programme)
    after = play(engine, built, told, station=None)
    during = play(engine, built, told, station="done")
    for now, one, other in zip(told.story.ticks, after, during, strict=True):
        assert one == other, f"{now}\n{told.story.programme}\n{told.parts}"
