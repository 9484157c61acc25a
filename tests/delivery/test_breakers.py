"""Breakers: what fails is left alone for a while, then tried by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Engine, select, update

from orchestrator import tables
from orchestrator.channels.outcome import Outcome, accepted, deferred, refused, rejected, unknown
from orchestrator.columns import to_micros
from orchestrator.database_clock import database_now
from orchestrator.delivery.breakers import (
    LONGEST,
    WHOLE,
    Breaker,
    Noted,
    admitted,
    closed_domains,
    note,
    read_breakers,
)

DOWN, WELL = deferred("no connection"), accepted("1")
NO_SUCH = rejected("no such user", code="550 5.1.1", is_dead_address=True)
BUSY_DOMAIN = deferred("try later", code="451", fault="domain")


def told(engine: Engine, *outcomes: Outcome, domain: str = "shop.example") -> bool:
    with engine.begin() as connection:
        return note(connection, "post", [Noted(domain, one) for one in outcomes])


def may_call(engine: Engine, lease: str = "me") -> int | None:
    with engine.begin() as connection:
        return admitted(connection, "post", lease)


def closed(engine: Engine, *domains: str, lease: str = "me") -> set[str]:
    with engine.begin() as connection:
        return set(closed_domains(connection, "post", lease, domains))


def state(engine: Engine, domain: str = WHOLE) -> Breaker | None:
    with engine.connect() as connection:
        return read_breakers(connection, "post").get(domain)


def let_pass(engine: Engine, span: timedelta) -> None:
    """Let the breakers' time come nearer: the database's clock cannot be set."""
    row = tables.breaker
    with engine.begin() as connection:
        for domain, until in connection.execute(select(row.c.domain, row.c.open_until)).all():
            if until is not None:
                values = {"open_until": to_micros(until - span)}
                connection.execute(update(row).where(row.c.domain == domain).values(**values))


def test_what_is_well_leaves_no_trace(engine: Engine) -> None:
    assert not told(engine, WELL, NO_SUCH, WELL)
    assert state(engine) is None
    assert may_call(engine) is None


def test_five_failures_in_a_row_open_it(engine: Engine) -> None:
    assert not told(engine, *[DOWN] * 4)
    assert may_call(engine) is None
    assert told(engine, unknown("no answer"))
    assert may_call(engine) == 0


def test_half_of_the_latest_twenty_open_it(engine: Engine) -> None:
    told(engine, *[DOWN, WELL] * 9)
    assert may_call(engine) is None
    assert told(engine, DOWN)
    assert may_call(engine) == 0


def test_messages_that_are_refused_for_their_own_sake_never_do(engine: Engine) -> None:
    told(engine, *[NO_SUCH] * 40, *[deferred("full", code="452", fault="message")] * 40)
    assert state(engine) is None


def test_not_to_be_let_in_opens_it_at_once(engine: Engine) -> None:
    assert told(engine, refused("wrong password", code="535"))
    assert may_call(engine) == 0
    found = state(engine)
    assert found is not None
    assert found.reason == "535 wrong password"


def test_after_its_time_one_tries_and_the_others_wait(engine: Engine) -> None:
    told(engine, *[DOWN] * 5)
    let_pass(engine, timedelta(seconds=31))

    assert may_call(engine, "me") == 1
    assert may_call(engine, "you") == 0
    assert may_call(engine, "me") == 1, "it may ask again"
    told(engine, WELL)
    assert may_call(engine, "you") is None
    assert state(engine) is None


def test_a_failed_try_doubles_the_time_up_to_ten_minutes(engine: Engine) -> None:
    told(engine, *[DOWN] * 5)
    pauses = []
    for _ in range(7):
        with engine.connect() as connection:
            found = read_breakers(connection, "post")[WHOLE]
            assert found.open_until is not None
            left = found.open_until - database_now(connection)
        pauses.append(round(left.total_seconds() / 30))
        let_pass(engine, LONGEST)
        assert may_call(engine) == 1
        told(engine, DOWN)

    assert pauses == [1, 2, 4, 8, 16, 20, 20]


def test_a_lost_probe_does_not_keep_it_closed_for_ever(engine: Engine) -> None:
    told(engine, *[DOWN] * 5)
    let_pass(engine, timedelta(seconds=31))
    assert may_call(engine, "lost") == 1

    let_pass(engine, timedelta(minutes=16))
    assert may_call(engine, "me") == 1


def test_what_was_under_way_when_it_opened_does_not_open_it_wider(engine: Engine) -> None:
    told(engine, *[DOWN] * 9)

    found = state(engine)
    assert found is not None
    assert found.trips == 1


def test_a_domain_that_fails_leaves_its_provider_and_other_domains_alone(engine: Engine) -> None:
    told(engine, *[BUSY_DOMAIN] * 5)

    assert may_call(engine) is None
    assert closed(engine, "shop.example", "other.example") == {"shop.example"}
    let_pass(engine, timedelta(seconds=31))
    assert closed(engine, "shop.example") == set()
    assert closed(engine, "shop.example", lease="you") == {"shop.example"}
    told(engine, WELL)
    assert closed(engine, "shop.example", lease="you") == set()


def test_without_a_domain_only_the_provider_counts(engine: Engine) -> None:
    outcomes: Sequence[Outcome] = [DOWN] * 5
    assert told(engine, *outcomes, domain="")
    assert may_call(engine) == 0


def test_what_opened_before_the_clock_was_set_back_is_tried(engine: Engine) -> None:
    told(engine, *[DOWN] * 5)
    assert may_call(engine) == 0

    let_pass(engine, -timedelta(days=1))
    assert may_call(engine) == 1
