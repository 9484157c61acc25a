"""A provider that is gone for an hour, and a backlog of a day and a half: by a virtual clock."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from faults.kit import figures, sized
from harness import Shop
from sending import HELLO, NOW, carried, ledger, outlet, queued, taken
from sqlalchemy import case, update
from virtual import lane_of, most_in, run, takes, turned

from orchestrator import tables
from orchestrator.channels.outcome import deferred
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import Rate
from orchestrator.columns import MICROSECOND, to_micros
from orchestrator.delivery.outlet import pace_of
from orchestrator.delivery.policy import MOST_ATTEMPTS
from orchestrator.language.marks import Mark

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
BEFORE = timedelta(minutes=1)
"""How long all is well before the provider is gone."""
DOWN = timedelta(hours=36)
PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails: {quiet_hours: {between: 21:00-08:00}}
"""
FLOW = f"{HELLO.rstrip()}\nexpires_after: 24 hours\n"
REFUSED = deferred("connection refused")


@pytest.mark.slow
def test_an_hour_without_the_provider_costs_no_message_and_brings_no_rush(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart, bucket = sized(3 * SECOND, SECOND / 100), sized(90 * SECOND, SECOND)
    count = (BEFORE + HOUR) // apart
    queued(shop, count)
    due_one_after_another(shop, apart)
    clock = turned(monkeypatch, NOW)
    gone, back = NOW + BEFORE, NOW + BEFORE + HOUR
    mail = outlet()
    accepted = takes(
        mail, clock, apart / 3, lambda one: taken(one) if not gone <= clock.now < back else REFUSED
    )
    run(lane_of(shop, mail, clock), clock, lambda: clock.now > back + HOUR)

    after = [instant for instant, _ in accepted if instant >= back]
    mean = len(after) * bucket / (after[-1] - after[0])
    figures(
        f"an hour without the provider, {shop.engine.dialect.name}",
        messages=count,
        attempts=str(sorted(Counter(ledger(shop, "attempt")).items())),
        recovered_after=str(after[0] - back),
        mean_of_a_bucket=round(mean, 1),
        fullest_bucket=most_in(after, bucket),
    )
    assert Counter(ledger(shop, "state")) == {"sent": count}
    assert max(ledger(shop, "attempt")) <= MOST_ATTEMPTS
    assert most_in(after, bucket) <= 2 * mean


def due_one_after_another(shop: Shop, apart: timedelta) -> None:
    """Let the messages in the queue be due so far apart."""
    at = to_micros(NOW) + (tables.message.c.id - 1) * (apart // MICROSECOND)
    with shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(not_before=at))


@pytest.mark.slow
def test_a_backlog_of_36_hours_leaves_at_its_pace_by_day_and_in_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, rate = sized(240, 50_000), sized(4, 20)
    queued(shop, count).write(project=PROJECT, greet=FLOW)
    zones = [f"Etc/GMT{hour - 11:+}" for hour in range(24)]
    row, customer = tables.message.c, tables.customer.c
    due = to_micros(NOW - DOWN) + (row.id - 1) * (DOWN // count // MICROSECOND)
    zone = case(*((customer.id % 24 == place, name) for place, name in enumerate(zones)))
    with shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(due_at=due))
        connection.execute(update(tables.customer).values(timezone=zone))
    clock = turned(monkeypatch, NOW)
    settings = ChannelSettings(mark=Mark("test", 1, 1), marks={}, rate=Rate(rate, "second"))
    mail = outlet(pace=pace_of(settings))
    accepted = takes(mail, clock, SECOND / (4 * rate), taken)
    run(lane_of(shop, mail, clock), clock)

    instants = [instant for instant, _ in accepted]
    states = Counter(ledger(shop, "state"))
    figures(
        f"a backlog of 36 hours, {rate} a second, {shop.engine.dialect.name}",
        messages=count,
        **states,
        fullest_second=most_in(instants, SECOND),
        fullest_minute=most_in(instants, MINUTE),
        last_after=str(instants[-1] - NOW),
    )
    assert set(states) == {"sent", "expired"}
    assert states["expired"] >= count // 3
    assert len(accepted) == states["sent"] > count // 3
    for (instant, _), message in zip(accepted, carried(mail), strict=True):
        assert message.expires_at is not None
        assert instant < message.expires_at
        local = instant.astimezone(ZoneInfo(zones[(int(message.customer[1:])) % 24]))
        assert 8 <= local.hour < 21
    assert most_in(instants, SECOND) <= 1.5 * rate
    assert most_in(instants, MINUTE) <= 1.5 * rate * 60
