"""Cost follows change: a tick that looks at few decides what one that looks at all decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import ticking
from databases import empty
from harness import CATALOG, PACKAGES, Shop, at
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from programmes import playbook
from random_programmes import STEPS_OF_TIME, Story, stories
from reference.loading import load
from reference.world import World
from sqlalchemy import Engine, select
from ticking import Told, lines

from orchestrator import tables
from orchestrator.answers import Answer, record
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
    if draw(st.booleans()):
        _cap(draw, story.programme)
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


def _cap(draw: st.DrawFn, programme: dict[str, Any]) -> None:
    """Let a frequency rule hold most sends, and no volume breaker ask about them all."""
    spans = st.sampled_from(("1 hour", "9 hours", "1 day", "1 month"))
    rule = {"at_most": draw(st.sampled_from((1, 1, 2))), "per": draw(spans)}
    for limited in (programme["project"], *programme["flows"]):
        limits = limited.setdefault("guardrails", {})
        limits.pop("stop_if_more_than", None)
        limits.pop("ignore", None)
    programme["project"]["guardrails"]["frequency"] = [rule]


Seen = list[tuple[Told, set[ticking.Run], list[tuple[object, ...]], ticking.Effects]]


def play(engine: Engine, built: Playbook, told: Arriving, *, everybody: bool) -> Seen:
    """Run the story's ticks; returns what each told, and the runs and stays it left."""
    empty(engine)
    known, seen = World(), []
    for now, part in zip(told.story.ticks, told.parts, strict=True):
        known = known.plus(part)
        load(engine, part, ZONE, known)
        found = ticking.live(engine, built, now, everybody=everybody)
        ticking.hear(engine)
        seen.append((found, ticking.runs(engine), _stays(engine), ticking.effects(engine)))
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
            (one[3], other[3]),
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


SETTING = """
flow: alpha
status: live
starts_when: {did: buy}
steps: [{wait: 1 day}, {set: {plan: gold}}]
"""
WAITING = """
flow: beta
status: live
starts_when: {did: buy}
steps: [{wait_until: %s, at_most: 30 days}, {send: one}]
"""
DAILY = """
flow: alpha
status: live
starts_when: {every: day, at: "09:00", timezone: UTC}
steps: [{wait: 1 hour}]
"""
MATCHING = """
flow: beta
status: live
starts_when: {matches: {in_flow: alpha}}
steps: [{send: one}]
"""


def test_a_wait_for_what_another_flow_does_sees_it_in_the_same_tick(shop: Shop) -> None:
    shop.write(alpha=SETTING, beta=WAITING % "{attribute: plan, is: gold}").customers(ana={})
    shop.tick("2026-03-01T09:00")
    shop.event("ana", "buy", "2026-03-01T10:00")
    for quiet in ("2026-03-01T11:00", "2026-03-01T12:00", "2026-03-01T13:00"):
        assert shop.tick(quiet) == []

    assert shop.told("2026-03-02T12:00") == [("ana", "send", "email")]


def test_a_wait_for_an_entry_sees_one_by_the_calendar_in_the_same_tick(shop: Shop) -> None:
    daily = DAILY.replace("starts_when", "opens: 2026-03-03\nstarts_when")
    shop.write(alpha=daily, beta=WAITING % "{in_flow: alpha}").customers(ana={})
    shop.tick("2026-03-01T08:00")
    shop.event("ana", "buy", "2026-03-01T10:00")
    for quiet in ("2026-03-01T11:00", "2026-03-01T12:00", "2026-03-03T08:00", "2026-03-03T08:30"):
        assert shop.tick(quiet) == []

    assert shop.told("2026-03-03T09:00") == [("ana", "send", "email")]


def test_who_matches_by_an_entry_of_the_calendar_enters_in_the_same_tick(shop: Shop) -> None:
    shop.write(alpha=DAILY, beta=MATCHING).customers(ana={})
    for quiet in ("2026-03-01T08:00", "2026-03-01T08:10", "2026-03-01T08:20"):
        assert shop.tick(quiet) == []

    assert shop.told("2026-03-01T09:00") == [("ana", "send", "email")]


def test_the_clock_is_followed_through_what_values_are_compared_with(shop: Shop) -> None:
    catalog = CATALOG.replace("attributes:", "attributes:\n  buys: {count_of: buy, in_last: 1 day}")
    flow = """
    flow: alpha
    status: live
    starts_when: {matches: {attribute: points, more_than: $customer.buys}}
    steps: [{send: one}]
    """
    shop.write(catalog=catalog, alpha=flow).customers(ana={"points": 1})
    shop.event("ana", "buy", "2026-03-01T07:00")
    for quiet in ("2026-03-01T08:00", "2026-03-01T08:10", "2026-03-02T06:59"):
        assert shop.tick(quiet) == []

    assert shop.told("2026-03-02T07:00") == [("ana", "send", "email")]


def test_a_call_that_fails_later_is_made_again_then(shop: Shop) -> None:
    catalog = CATALOG + "webhooks: {stats: {url: 'https://shop.example/stats'}}\n"
    flow = """
    flow: alpha
    status: live
    starts_when: {did: buy}
    steps: [{webhook: stats, at_most: 1 day, if_it_fails: retry}, {send: one}]
    """
    shop.write(catalog=catalog, alpha=flow).customers(ana={})
    shop.tick("2026-03-01T08:00")
    shop.event("ana", "buy", "2026-03-01T08:30")
    assert shop.told("2026-03-01T09:00") == [("ana", "send", "webhook")]
    with shop.engine.connect() as connection:
        call = connection.execute(select(tables.message.c.id)).scalar_one()
    record(shop.engine, Answer(call, at("2026-03-01T10:00"), failure="nobody there"), ZONE)
    for quiet in ("2026-03-01T09:10", "2026-03-01T09:20", "2026-03-01T09:59"):
        assert shop.tick(quiet) == []

    assert shop.told("2026-03-01T10:00") == [("ana", "send", "webhook")]
    assert shop.told("2026-03-01T10:10") == []
