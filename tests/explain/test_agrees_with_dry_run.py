"""What ``explain`` says of an entry is what a dry run at the same instant does."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import ticking
from databases import empty
from harness import PACKAGES
from hypothesis import HealthCheck, given, note, settings
from programmes import playbook
from random_programmes import Story, stories
from reference.loading import load
from sqlalchemy import Engine, select

from orchestrator import tables
from orchestrator.demo import shop
from orchestrator.demo.loading import Loader
from orchestrator.explain.entry import explaining
from orchestrator.playbook.load import load as load_project
from orchestrator.tick import workspace
from orchestrator.tick.run import TickPlan, dry_run

ZONE = ZoneInfo("Europe/Vienna")
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package with conditions of its own be installed."""
    monkeypatch.syspath_prepend(str(PACKAGES))


def entering(engine: Engine, plan: TickPlan) -> set[tuple[str, str]]:
    """Return (flow, customer) of the runs that a dry run opens."""
    run, customer = workspace.run, tables.customer
    query = select(run.c.flow, customer.c.external_id).join_from(
        run, customer, run.c.customer_id == customer.c.id
    )
    with dry_run(engine, plan) as ticked:
        found = ticked.tick.connection.execute(query.where(run.c.is_new == 1))
        return {(flow, id) for flow, id in found}


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories(most_ticks=3))
def test_a_customer_enters_exactly_if_explain_says_so(engine: Engine, story: Story) -> None:
    empty(engine)
    load(engine, story.world, ZONE)
    built = playbook(story.programme)
    people = {person.external_id for person in story.world.people}
    for now in story.ticks:
        plan = TickPlan(built, now)
        enter = entering(engine, plan)
        for flow in built.flows:
            with explaining(engine, plan, built.flows[flow]) as explainer:
                for customer in sorted(people):
                    case = explainer.case(customer)
                    parts, answer = case.parts(), case.explained()
                    note(f"{flow} {customer} {now.isoformat()} {answer}")
                    assert answer.enters == ((flow, customer) in enter)
                    assert answer.enters == all(part.verdict.helps for part in parts)
                    refused = case.occurrence["reason"] if case.occurrence else None
                    if refused is not None:
                        assert refused == next(
                            part.lines[0].reason for part in parts if not part.verdict.helps
                        )
        ticking.live(engine, built, now)


@pytest.mark.slow
def test_in_the_sample_shop_too(sqlite_engine: Engine, tmp_path: Path) -> None:
    built = load_project(REPOSITORY).playbook
    assert built is not None
    Loader(sqlite_engine, built.catalog, tmp_path).load_shop(lambda _: None)
    plan = TickPlan(built, shop.TODAY, shop.LIVE_FROM, drafts={"birthday"})
    enter = entering(sqlite_engine, plan)
    everybody = [f"c_{number:04}" for number in range(1, shop.CUSTOMERS + 1)]
    for flow in built.flows:
        inside = {customer for name, customer in enter if name == flow}
        some = sorted(inside)[:100] + everybody[:: shop.CUSTOMERS // 100]
        with explaining(sqlite_engine, plan, built.flows[flow]) as explainer:
            assert {one for one in some if explainer.explain(one).enters} == inside & set(some)
