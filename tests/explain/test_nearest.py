"""The instant at which the clock alone lets a customer in is exactly the one that is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import random_conditions
import random_worlds
from databases import empty
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st
from programmes import PROJECT, criterion, playbook
from reference.conditions import holds
from reference.loading import load
from reference.view import Past, View
from reference.world import World
from sqlalchemy import Engine

from orchestrator.explain.entry import explaining
from orchestrator.tick.run import TickPlan

ZONE = ZoneInfo("Europe/Vienna")
MICROSECOND = timedelta(microseconds=1)
EVER_AFTER = datetime.fromisoformat("9000-01-01T00:00:00+00:00")


def dict_of(pair: tuple[str, Any]) -> dict[str, Any]:
    return dict([pair])


SPANS = ("1 min", "4 hours", "1 day", "3 days", "1 month", "11 months", "1 year")
WHOLE_DAYS = ("1 day", "2 weeks", "1 month", "1 year")
WINDOWS = st.tuples(st.sampled_from(("in_last", "older_than")), st.sampled_from(SPANS)).map(dict_of)
COUNTS = st.tuples(
    st.sampled_from(("at_least", "at_most", "exactly", "more_than", "less_than")),
    st.sampled_from((0, 1, 2, 3)),
).map(dict_of)
EVENTS = st.sampled_from(random_worlds.EVENTS)
LEAVES = st.one_of(
    st.builds(
        lambda head, name, window, counts: {head: name} | window | counts,
        st.sampled_from(("did", "did_not")), EVENTS, WINDOWS, COUNTS | st.just({}),
    ),
    st.builds(
        lambda head, name, window, more: {head: name} | window | more,
        st.sampled_from(("first", "last")), EVENTS, WINDOWS, WINDOWS | st.just({}),
    ),
    st.builds(
        lambda head, follow, window: {"did": "view", follow: "buy", "within": "1 day"} | window
        if head else {"did_not": "view", follow: "buy", "within": "1 day"} | window,
        st.booleans(), st.sampled_from(("then", "then_not")), WINDOWS | st.just({}),
    ),
    st.builds(
        lambda name, word, span: {"attribute": name, word: span},
        st.sampled_from(("renewal", "ends", "created_at")),
        st.sampled_from(("in_last", "in_next", "older_than")), st.sampled_from(SPANS),
    ),
    st.builds(
        lambda word, span: {"attribute": "birthday", word: span},
        st.sampled_from(("in_last", "in_next", "older_than")), st.sampled_from(WHOLE_DAYS),
    ),
    st.builds(
        lambda name, more: {"anniversary_of": name} | more,
        st.sampled_from(("birthday", "renewal", "ends")),
        st.just({}) | st.sampled_from(WHOLE_DAYS).map(lambda span: {"in_next": span}),
    ),
)  # fmt: skip
"""Conditions that time alone may flip."""


def known_by(world: World, now: datetime) -> World:
    """Return what has happened by now: nothing else will."""
    return replace(
        world,
        happenings=tuple(one for one in world.happenings if one.occurred_at <= now),
        receipts=tuple(one for one in world.receipts if one.at <= now),
        consents=tuple(one for one in world.consents if one.at is None or one.at <= now),
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_the_clock_lets_in_exactly_when_it_is_said(engine: Engine, data: Any) -> None:
    now = data.draw(st.sampled_from(random_worlds.ANCHORS))
    catalog = data.draw(random_conditions.catalogs(now))
    world = known_by(data.draw(random_worlds.worlds(now)), now)
    plain = data.draw(LEAVES)
    if data.draw(st.booleans()):
        plain = {"none": [plain]}
    flow = {
        "flow": "asked",
        "status": "live",
        "starts_when": {"did": random_worlds.EVENTS[0]},
        "audience": plain,
        "steps": [{"send": "hello"}],
    }
    built = playbook(
        {"project": PROJECT, "catalog": catalog, "flows": [flow], "messages": {"hello": {}}}
    )
    asked = criterion(plain)
    empty(engine)
    load(engine, world, ZONE)
    with explaining(engine, TickPlan(built, now), built.flows["asked"]) as explainer:
        for person in world.existing(now):
            verdict = explainer.case(person.external_id).parts()[-1].verdict
            view = View(built, world, Past(), person, now, owner="asked")
            note(f"{plain} {person} {now.isoformat()} {verdict}")
            assert verdict.helps == holds(asked, view)
            if verdict.at is None or verdict.at > EVER_AFTER:
                continue
            event("an instant was told")
            assert not holds(asked, replace(view, now=verdict.at - MICROSECOND))
            assert holds(asked, replace(view, now=verdict.at))
