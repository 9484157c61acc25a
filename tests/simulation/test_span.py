"""What a simulated span tells: its decisions, its figures, always the same."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from databases import opened_at
from harness import Shop, at
from sqlalchemy import Engine, select

from orchestrator import tables
from orchestrator.database import memory_engine
from orchestrator.language.durations import parse_duration
from orchestrator.records.spans import SpanReport, Spread, Volume
from orchestrator.records.ticks import DecisionLine
from orchestrator.simulation.assumed import Assumed
from orchestrator.simulation.span import SpanRequest, simulation

BEGIN = at("2026-03-02T09:00")
PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails:
  quiet_hours: none
  frequency: [{at_most: 1, per: 7 days}]
"""
FIRST = """
flow: first
status: live
starts_when: {did: signed_up}
guardrails: {priority: 90}
steps:
  - send: hello
  - wait: 1 day
  - branch:
      - if: {clicked: hello}
        do: [{set: {plan: keen}}]
    otherwise: [{id: cool, set: {plan: cool}}]
"""
SECOND = """
flow: second
status: live
starts_when: {did: signed_up}
guardrails: {priority: 10}
expires_after: 2 days
steps:
  - send: news
"""


def request(days: int = 6, every: str = "1 day", **more: Any) -> SpanRequest:
    step = parse_duration(every)
    assert step is not None
    assumed = more.pop("assumed", Assumed({}, "1"))
    return SpanRequest(BEGIN, days, step, assumed, **more)


@pytest.fixture
def small(tmp_path: Path) -> Shop:
    """Ten sign-ups on two days, two flows that compete for one message a week."""
    folder = tmp_path / "small"
    folder.mkdir()
    shop = Shop(memory_engine(), folder).write(project=PROJECT, first=FIRST, second=SECOND)
    for number in range(10):
        shop.customers(**{f"c{number}": {}})
        shop.event(f"c{number}", "signed_up", f"2026-03-0{3 + number % 2}T08:00")
    return shop.import_facts()


def simulated(
    shop: Shop, asked: SpanRequest, *, engine: Engine | None = None
) -> tuple[list[DecisionLine], SpanReport]:
    with simulation(engine or shop.engine, shop.playbook, asked, lambda _day: None) as found:
        lines = list(found.lines())
        return lines, found.report()


def test_decisions_come_in_order_of_time(small: Shop) -> None:
    lines, _ = simulated(small, request())

    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert sum(line.decision == "send" for line in lines) == 10
    assert lines[0].subject == "hello"


def test_figures_count_volumes_holds_and_who_took_what(small: Shop) -> None:
    _, report = simulated(small, request())

    first, second = report.flows["first"], report.flows["second"]
    assert report.volumes == [
        Volume(date(2026, 3, 3), "first", "email", 5),
        Volume(date(2026, 3, 4), "first", "email", 5),
    ]
    assert (report.ticks, report.end, report.customers) == (6, at("2026-03-07T09:00"), 10)
    assert (first.entered, first.sends, first.sends_by_channel) == (10, 10, {"email": 10})
    assert (second.sends, second.held, second.expired) == (0, {"frequency": 10}, {"frequency": 10})
    assert second.lost_to == {"first": 10}
    assert (first.starved, second.starved) == (False, True)
    assert report.pressure.customers == 10
    assert report.pressure.busiest_week == Spread(1, 1, 1)


def test_a_span_that_ends_early_tells_what_still_waits(small: Shop) -> None:
    _, report = simulated(small, request(days=3))

    assert report.flows["second"].still_held == 10
    assert report.flows["second"].starved


def test_flows_left_out_still_compete(small: Shop) -> None:
    lines, report = simulated(small, request(flows=frozenset({"second"})))

    assert {line.flow for line in lines} == {"second"}
    assert list(report.flows) == ["second"]
    assert report.sends == 0
    assert report.pressure.customers == 10


def test_the_same_seed_gives_the_same(small: Shop) -> None:
    asked = request(assumed=Assumed({"clicked": Decimal("0.5"), "buy": Decimal("0.3")}, "x"))

    assert simulated(small, asked) == simulated(small, asked)


def test_assumed_clicks_turn_branches(small: Shop) -> None:
    def plans(share: str) -> set[str | None]:
        asked = request(assumed=Assumed({"clicked": Decimal(share)}, "1"), every="1 hour")
        with simulation(small.engine, small.playbook, asked, lambda _day: None) as found:
            list(found.lines())
            value = tables.attribute_value.c
            with found.engine.connect() as connection:
                return set(connection.scalars(select(value.text).where(value.name == "plan")))

    assert plans("1") == {"keen"}
    assert plans("0") == {"cool"}


def test_assumed_clicks_stand_in_for_the_stored_ones(small: Shop) -> None:
    small.receipt("c0", "clicked", "hello", "2026-03-03T10:00").import_facts()

    def clicks(*kinds: str) -> int:
        asked = request(assumed=Assumed(dict.fromkeys(kinds, Decimal(0)), "1"))
        with simulation(small.engine, small.playbook, asked, lambda _day: None) as found:
            list(found.lines())
            with found.engine.connect() as connection:
                return len(connection.execute(select(tables.receipt)).all())

    assert (clicks(), clicks("opened"), clicks("clicked")) == (1, 1, 0)


def test_bounces_put_addresses_out_of_use(small: Shop) -> None:
    small.write(second=SECOND.replace("send: news", "wait: 8 days\n  - send: news"))

    _, report = simulated(small, request(14, assumed=Assumed({"bounced": Decimal(1)}, "1")))

    assert report.flows["second"].suppressed == {"suppressed": 10}


def test_the_breaker_that_trips_stays_tripped(small: Shop) -> None:
    limit = "guardrails: {stop_if_more_than: {customers: 2, per: 1 day}}"
    small.write(first=FIRST.replace("guardrails: {priority: 90}", limit))

    _, report = simulated(small, request())

    assert report.flows["first"].tripped_at == at("2026-03-03T09:00")
    assert report.flows["first"].sends == 0


def test_messages_that_no_tick_meets_in_their_hours_are_told(small: Shop) -> None:
    night = PROJECT.replace("none", "{between: 08:00-18:00}")
    small.write(project=night)

    _, daily = simulated(small, request())
    _, hourly = simulated(small, request(every="1 hour", flows=frozenset({"first"})))

    assert "expired outside their hours" in daily.notes[-1]
    assert not hourly.notes


def test_a_draft_takes_part_when_named(small: Shop) -> None:
    small.write(first=FIRST.replace("live", "draft"))

    _, without = simulated(small, request())
    _, named = simulated(small, request(drafts=frozenset({"first"})))

    assert "first" not in without.flows
    assert named.flows["first"].sends == 10


def test_samples_are_the_first_of_each_message(small: Shop) -> None:
    with simulation(small.engine, small.playbook, request(9), lambda _day: None) as found:
        samples = found.samples(5)

    assert [(line.message, line.subject) for line in samples] == [("hello", "hello")]
    assert samples[0].at == datetime(2026, 3, 3, 9, tzinfo=UTC)


def test_a_postgres_shop_gives_the_same(small: Shop, postgres_url: str) -> None:
    engine = opened_at(postgres_url)
    other = Shop(engine, small.folder)
    other.files, other.world = small.files, small.world
    other.import_facts()
    asked = request(assumed=Assumed({"clicked": Decimal("0.5"), "buy": Decimal("0.3")}, "x"))

    theirs, ours = simulated(other, asked), simulated(small, asked)
    engine.dispose()

    assert theirs == ours


def test_passed_tells_each_day(small: Shop) -> None:
    days: list[str] = []
    with simulation(small.engine, small.playbook, request(3), days.append) as found:
        list(found.lines())

    assert days == ["2026-03-02", "2026-03-03", "2026-03-04"]
