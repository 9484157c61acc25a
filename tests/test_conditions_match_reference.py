"""Random conditions on random worlds: both databases answer as the reference does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import random_conditions
import random_worlds
from asking import selected
from databases import empty
from harness import PACKAGES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from programmes import PROJECT, criterion, playbook
from reference.conditions import holds
from reference.loading import load, load_runs
from reference.view import Passed, Past, View
from reference.world import World
from sqlalchemy import Engine

from orchestrator.playbook.model import Playbook

ZONE = ZoneInfo("Europe/Vienna")


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package with conditions of its own be installed."""
    monkeypatch.syspath_prepend(str(PACKAGES))


@dataclass(frozen=True)
class Case:
    """One world, and some conditions to ask about it."""

    now: datetime
    catalog: dict[str, Any]
    world: World
    runs: list[Passed]
    asked: list[Any]


@st.composite
def cases(draw: DrawFn, /, **options: bool) -> Case:
    """A world at an anchor instant with a few conditions."""
    now = draw(st.sampled_from(random_worlds.ANCHORS))
    catalog = draw(random_conditions.catalogs(now))
    world = draw(random_worlds.worlds(now))
    runs = draw(random_conditions.runs(now, tuple(one.external_id for one in world.people)))
    asked = draw(st.lists(random_conditions.criteria(now, **options), min_size=1, max_size=6))
    return Case(now, catalog, world, runs, asked)


def expected(case: Case, plain: Any) -> set[str]:
    """Return for whom the reference says that a condition holds."""
    built, past = programme(case), Past(runs=case.runs)
    asked = criterion(plain)
    return {
        person.external_id
        for person in case.world.existing(case.now)
        if holds(asked, View(built, case.world, past, person, case.now, owner="someone"))
    }


def programme(case: Case) -> Playbook:
    """Return the catalog with flows that nobody can enter, each a split."""
    flows = [
        {
            "flow": name,
            "starts_when": {"did": "buy"},
            "steps": [{"split": random_worlds.SPLIT, "id": f"pick_{name}"}],
        }
        for name in random_worlds.FLOWS
    ]
    return playbook({"project": PROJECT, "catalog": case.catalog, "flows": flows})


@pytest.mark.parametrize("each", [False, True], ids=["as sets", "customer by customer"])
@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases(members=False))
def test_sql_selects_the_customers_that_the_reference_selects(
    engine: Engine, each: bool, case: Case
) -> None:
    empty(engine)
    load(engine, case.world, ZONE)
    load_runs(engine, case.runs)
    built = programme(case)
    asked = [criterion(plain) for plain in case.asked]
    found = selected(engine, built, asked, case.now, owner="someone", each=each)
    for plain, answer in zip(case.asked, found, strict=True):
        wrong = answer ^ expected(case, plain)
        assert not wrong, _told(case, plain, answer, wrong)


def _told(case: Case, plain: Any, answer: set[str], wrong: set[str]) -> str:
    computed = {name: case.catalog["attributes"][name] for name in random_conditions.COMPUTED_TYPES}
    world = case.world
    facts: list[Any] = [one for one in world.people if one.external_id in wrong]
    done: list[Any] = [*world.happenings, *world.consents, *world.receipts]
    facts += [one for one in done if one.customer in wrong]
    mistakes = f"wrongly in: {sorted(wrong & answer)}, wrongly out: {sorted(wrong - answer)}"
    head = [f"{plain}", f"at {case.now.isoformat()}", mistakes, f"computed: {computed}"]
    facts += [one for one in case.runs if one.customer in wrong]
    return "\n".join([*head, *map(repr, facts)])
