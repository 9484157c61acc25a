"""``clmctl start`` as real processes: signals, rivals, kills, a database that comes and goes."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import Shop
from sqlalchemy import Engine, func, select
from waking import let_the_lease_run_out, sent, ticks

from orchestrator import tables
from orchestrator.clock import utcnow

FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps:
  - {send: welcome}
  - {wait: 3 days}
  - {send: again}
"""
SECONDS = 30.0
"""How long a test waits for what must happen."""


class Process:
    """One ``clmctl start`` and what it told."""

    def __init__(self, shop: Shop, log: Path, *options: str) -> None:
        self.log = log
        url = shop.engine.url.render_as_string(hide_password=False)
        command = ["start", "--project", str(shop.folder), "--db", url, *options]
        with log.open("w", encoding="utf-8") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.cli", *command], stderr=stream
            )

    def told(self) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def until(self, event: str, times: int = 1) -> None:
        wait_for(lambda: sum(one["event"] == event for one in self.told()) >= times)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def started(shop: Shop, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start schedulers on one shop; whatever still runs afterwards is ended."""
    shop.write(hello=FLOW)
    running: list[Process] = []

    def begin(*options: str) -> Process:
        log = tmp_path / f"log-{len(running)}.jsonl"
        running.append(Process(shop, log, *(options or ("--every", "1s"))))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def sign_up(shop: Shop, *customers: str) -> None:
    shop.customers(**{name: {} for name in customers})
    for name in customers:
        shop.event(name, "signed_up", (utcnow() - timedelta(milliseconds=1)).isoformat())
    shop.import_facts()


@pytest.mark.slow
def test_sigterm_finishes_the_tick_frees_the_office_and_exits_0(
    shop: Shop, started: Callable[..., Process]
) -> None:
    one = started()
    one.until("tick")
    sign_up(shop, "anna")
    wait_for(lambda: len(sent(shop)) == 1)

    assert one.end(signal.SIGTERM) == 0
    assert one.told()[-1]["event"] == "stopped"
    next_one = started("--once")
    assert next_one.process.wait(SECONDS) == 0
    assert next(told["event"] for told in next_one.told()) == "elected"
    assert (shop.folder / "outbox").is_dir()
    assert "@" not in one.log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_ctrl_c_exits_130(shop: Shop, started: Callable[..., Process]) -> None:
    if shop.engine.dialect.name != "sqlite":
        return  # a signal is the same whatever the database
    one = started()
    one.until("tick")

    assert one.end(signal.SIGINT) == 130


@pytest.mark.slow
def test_of_two_rivals_one_plans_and_everybody_gets_one_message(
    shop: Shop, started: Callable[..., Process]
) -> None:
    rivals = [started(), started()]
    wait_for(lambda: len(ticks(shop)) >= 1)
    names = [f"c{number}" for number in range(30)]
    for name in names:
        sign_up(shop, name)
    wait_for(lambda: len(sent(shop)) == len(names))
    planning = [one for one in rivals if any(told["event"] == "tick" for told in one.told())]
    waiting = next(one for one in rivals if one not in planning)
    waiting.until("stands_by")
    planning[0].end(signal.SIGTERM)
    sign_up(shop, "late")
    wait_for(lambda: len(sent(shop)) == len(names) + 1)
    waiting.end(signal.SIGTERM)

    assert len(planning) == 1
    assert sorted({one[0] for one in sent(shop)}) == sorted([*names, "late"])
    assert outbox(shop) == len(names) + 1


@pytest.mark.slow
def test_a_scheduler_killed_at_random_loses_and_doubles_nothing(
    shop: Shop, started: Callable[..., Process]
) -> None:
    chance = random.Random(58)
    names: list[str] = []
    assert started("--once").process.wait(SECONDS) == 0  # from here on the flow is live
    for round_ in range(4):
        more = [f"c{round_}_{number}" for number in range(40)]
        sign_up(shop, *more)
        names += more
        victim = started()
        victim.until("elected")
        time.sleep(chance.uniform(0.0, 1.2))
        victim.end(signal.SIGKILL)
        let_the_lease_run_out(shop)
    last = started()
    wait_for(lambda: outbox(shop) == len(names))
    last.end(signal.SIGTERM)

    assert sorted(one[0] for one in sent(shop)) == sorted(names)
    assert standing_past_the_send(shop.engine) == len(names)


def standing_past_the_send(engine: Engine) -> int:
    run = tables.enrollment.c
    query = select(func.count()).where(run.status == "active", run.step == "wait_before_again")
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def outbox(shop: Shop) -> int:
    return len(list((shop.folder / "outbox").glob("[!.]*.json")))
