from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import Shop
from ledger import greeted, handed_over
from prometheus_client.parser import text_string_to_metric_families
from serving import Served, served
from sqlalchemy import Engine, insert, update
from starlette.responses import PlainTextResponse

from orchestrator import tables
from orchestrator.errors import EnvironmentFault, UsageError
from orchestrator.server.failures import AT_ONCE, MOST_CLIENTS, PER_SECOND, Failures
from orchestrator.server.running import Address, Running, address_from, listen

LATER = datetime(2026, 3, 2, 11, tzinfo=UTC)


def figures(server: Served) -> dict[tuple[str, ...], float]:
    """Return (name, label values …) → value of everything on the page."""
    page = server.own.get("/metrics").text
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_figures_of_the_ledger_are_right_whoever_changed_it(shop: Shop) -> None:
    greeted(shop, "ana", "ben", "cid", "dee", "eve")
    handed_over(shop.engine, "eve", state="failed")
    handed_over(shop.engine, "ben", state="in_doubt")
    handed_over(shop.engine, "cid", state="dead")
    handed_over(shop.engine, "dee")
    breakers: list[dict[str, Any]] = [
        {"provider": "smtp", "domain": "", "state": "open"},
        {"provider": "smtp", "domain": "a.example", "state": "half_open"},
        {"provider": "smtp", "domain": "b.example", "state": "closed"},
    ]
    with served(shop, clock=lambda: LATER) as server, shop.engine.begin() as connection:
        for row in breakers:
            connection.execute(insert(tables.breaker).values(**row, recent="", trips=0))
        stop = {"kind": "flow", "name": "hello", "state": "paused", "at": LATER}
        connection.execute(insert(tables.control).values(**stop))
        signs = {"kind": "secret", "name": "", "state": "aaaabbbb", "at": LATER}
        connection.execute(insert(tables.control).values(**signs))
        connection.commit()
        found = figures(server)
    assert found["clm_messages", "email", "queued"] == 1
    assert found["clm_messages", "email", "in_doubt"] == 1
    assert found["clm_messages", "email", "dead"] == 1
    assert found["clm_messages", "email", "failed"] == 1
    assert ("clm_messages", "email", "sent") not in found
    assert found["clm_queue_lag_seconds", "email"] == 3600
    assert found["clm_breaker_open", "smtp"] == 1
    assert found["clm_breaker_domains", "smtp"] == 1
    assert [of for of in found if of[0] == "clm_stops"] == [("clm_stops", "flow")]
    assert found["clm_last_tick_timestamp_seconds",] == LATER.timestamp() - 3600
    assert found["clm_database_up",] == 1
    assert found["clm_sending_allowed",] == 1


def test_what_is_not_due_yet_does_not_lag(shop: Shop) -> None:
    greeted(shop, "ana")
    with shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(not_before=LATER + timedelta(hours=1)))
    with served(shop, clock=lambda: LATER) as server:
        found = figures(server)
    assert found["clm_messages", "email", "queued"] == 1
    assert ("clm_queue_lag_seconds", "email") not in found


def test_the_kill_file_shows(shop: Shop) -> None:
    greeted(shop, "ana")
    (shop.folder / "STOP").touch()
    with served(shop) as server:
        assert figures(server)["clm_sending_allowed",] == 0


def test_without_a_database_the_page_says_so(sqlite_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    shop = greeted(Shop(sqlite_engine, tmp_path / "project"), "ana")
    with served(shop) as server:
        Path(sqlite_engine.url.database or "").unlink()
        for rest in tmp_path.glob("clm.sqlite*"):
            rest.unlink()
        Path(sqlite_engine.url.database or "").mkdir()
        found = figures(server)
        assert found["clm_database_up",] == 0
        assert server.client.get("/healthz").status_code == 200


def test_health_is_the_age_of_the_loops(shop: Shop) -> None:
    greeted(shop, "ana")
    with served(shop) as server:
        server.metrics.expects("scheduler", timedelta(minutes=3))
        assert server.client.get("/healthz").json() == {"status": "ok"}
        server.metrics.expects("keeper", timedelta(seconds=-1))
        answer = server.client.get("/healthz")
        assert (answer.status_code, answer.json()) == (503, {"status": "late"})
        own = server.own.get("/healthz")
        assert own.status_code == 503
        assert own.json()["late"] == ["keeper"]
        assert own.json()["seconds_since_round"].keys() == {"keeper", "scheduler"}


@pytest.mark.parametrize(
    ("written", "address", "is_loopback"),
    [
        ("127.0.0.1:80", Address("127.0.0.1", 80), True),
        ("8080", Address("127.0.0.1", 8080), True),
        ("localhost:1", Address("localhost", 1), True),
        ("[::1]:9", Address("::1", 9), True),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False),  # noqa: S104  # only read
        ("shop.example:80", Address("shop.example", 80), False),
    ],
)
def test_an_address_is_read(written: str, address: Address, is_loopback: bool) -> None:
    found = address_from(written, option="--serve")
    assert (found, found.is_loopback) == (address, is_loopback)


@pytest.mark.parametrize("written", ["", "host", "host:", "host:x", "host:70000", "1.2.3.4:٣"])
def test_other_words_are_no_addresses(written: str) -> None:
    with pytest.raises(UsageError, match="--serve"):
        address_from(written, option="--serve")


def test_an_address_that_somebody_has_is_a_fault() -> None:
    first = listen(PlainTextResponse("here"), Address("127.0.0.1", 0))
    with pytest.raises(EnvironmentFault, match="cannot listen"):
        listen(PlainTextResponse("here"), first.address)
    first.socket.close()


def test_without_an_address_nothing_ends() -> None:
    running = Running([])
    running.start()
    assert not running.ended.is_set()
    running.stop()


def test_a_server_that_ends_by_itself_is_told_of() -> None:
    running = Running([listen(PlainTextResponse("here"), Address("127.0.0.1", 0))])
    running.start()
    server = running.listeners[0].server
    while not server.started:
        time.sleep(0.01)
    server.should_exit = True
    assert running.ended.wait(30)
    running.stop()


def test_tries_come_back_as_time_goes_by_and_each_client_has_its_own() -> None:
    now = 0.0
    failures = Failures(clock=lambda: now)
    assert [failures.are_too_many("a") for _ in range(AT_ONCE + 1)] == [False] * AT_ONCE + [True]
    assert not failures.are_too_many("b")
    now = 2 / PER_SECOND
    assert [failures.are_too_many("a") for _ in range(3)] == [False, False, True]


def test_only_so_many_clients_are_remembered() -> None:
    failures = Failures(clock=lambda: 0.0)
    for number in range(2 * MOST_CLIENTS):
        failures.are_too_many(str(number))
    assert len(failures._left) == MOST_CLIENTS
