"""SIGSTOP and SIGCONT: who stands still for a while does no harm, then or afterwards."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from faults import workers
from faults.kit import Processes, figures, processes, sized, wait_for
from faults.welcome import (
    FIRST,
    STATE,
    STEP,
    THANKS,
    WELCOME,
    brought_to_an_end,
    half_done,
    state,
    undisturbed,
    write_facts,
)
from harness import Shop
from loading import rows
from sqlalchemy import Engine
from waking import let_the_lease_run_out

from orchestrator.database import open_engine
from orchestrator.importing.run import import_file
from orchestrator.tick.run import TickPlan, live_run

SCHEDULERS = 2
CUT_OFF = re.compile("connection to the database was lost|transaction stood idle for too long")
"""How a process is told that it stood still for too long, as soon as it asks."""


def url_of(engine: Engine, idle: str = "1s") -> str:
    """Return the URL for children; on PostgreSQL they stand still in a transaction so long only."""
    url = engine.url
    if url.get_backend_name() == "postgresql":
        options = f"{url.query['options']} -c idle_in_transaction_session_timeout={idle}"
        url = url.update_query_dict({"options": options})
    return url.render_as_string(hide_password=False)


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_schedulers_and_imports_stand_still(
    shop: Shop, tmp_path: Path
) -> None:
    freezes, customers = sized(5, 100), sized(300, 10_000)
    shop.write(welcome=WELCOME, thanks=THANKS)
    facts = write_facts(tmp_path / "facts", customers, files=sized(6, 40))
    with live_run(shop.engine, TickPlan(shop.playbook, FIRST)):
        pass
    began = time.monotonic()
    with processes() as children:
        found = frozen_again_and_again(shop, facts, children, freezes)
        brought_to_an_end(shop, facts, children, customers)
    expected, after = state(undisturbed(tmp_path, shop, facts)), state(shop.engine)
    lost = sum((expected[name] - after[name]).total() for name in STATE)
    doubled = sum((after[name] - expected[name]).total() for name in STATE)
    figures(
        f"freezes of schedulers and imports, {shop.engine.dialect.name}",
        customers=customers,
        freezes=freezes,
        **found,
        messages=after["ledger"].total(),
        duplicates=doubled,
        lost=lost,
        seconds=round(time.monotonic() - began),
    )

    assert (found["advanced"], found["ahead"], lost, doubled) == (0, 0, 0, 0)
    assert len(list((shop.folder / "outbox").glob("[!.]*.json"))) == after["ledger"].total()
    assert rows(shop.engine, "SELECT DISTINCT state FROM message") == [("sent",)]


def frozen_again_and_again(
    shop: Shop, facts: list[tuple[str, Path]], children: Processes, freezes: int
) -> Counter[str]:
    """Let schedulers and an import run, and one of them stand still for longer than its lease."""
    chance, url = random.Random(20_261_123), url_of(shop.engine)
    log, done = shop.folder / "scheduler.jsonl", shop.folder / "done.txt"
    log.touch()
    planning = (workers.schedule, shop.folder, url, FIRST, STEP, log)
    importing = (workers.import_for_ever, shop.folder, url, facts, done, shop.folder / "import")
    running = [children.start(*planning) for _ in range(SCHEDULERS)]
    running.append(children.start(*importing))
    wait_for(lambda: log.stat().st_size > 0)
    found: Counter[str] = Counter(advanced=0, ahead=0, imports_cut_off=0)
    for _ in range(freezes):
        time.sleep(chance.uniform(0.02, 0.8))
        one = chance.randrange(len(running))
        with frozen(running[one]):
            time.sleep(chance.uniform(0.0, 1.5))
            give_the_office_away(shop)
            time.sleep(chance.uniform(0.0, 1.0))
        advanced, ahead = half_done(shop.engine)
        found["advanced"] += advanced
        found["ahead"] += ahead
        time.sleep(0.2)
        if not running[one].is_alive():  # an import that lost its transaction ends with a fault
            assert one == SCHEDULERS, "a scheduler ended by itself"
            children.join(running[one])
            found["imports_cut_off"] += 1
            running[one] = children.start(*importing)
    children.kill_all()
    let_the_lease_run_out(shop)
    found["terms"] = rows(shop.engine, "SELECT term FROM lease")[0][0]
    return found


@contextmanager
def frozen(process: ForkServerProcess) -> Iterator[None]:
    """Let a process stand still inside the ``with`` block."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def give_the_office_away(shop: Shop) -> None:
    """Let the lease run out, unless who stands still is the one that writes to a SQLite file."""
    if shop.engine.dialect.name == "postgresql":
        let_the_lease_run_out(shop)
        return
    file = sqlite3.connect(str(shop.engine.url.database), timeout=0.1)
    with suppress(sqlite3.OperationalError), file:
        file.execute("UPDATE lease SET expires_at = 0")
    file.close()


# --- inside a transaction that others wait for ----------------------------------------

HELD = """
SELECT who.state FROM pg_locks lock JOIN pg_class held ON held.oid = lock.relation
JOIN pg_stat_activity who ON who.pid = lock.pid AND who.datname = current_database()
WHERE held.relname = '%s' AND lock.mode = '%s' AND lock.granted
"""


@pytest.fixture
def server_shop(postgres_url: str, tmp_path: Path) -> Shop:
    folder = tmp_path / "project"
    folder.mkdir()
    return Shop(open_engine(postgres_url), folder).write(welcome=WELCOME, thanks=THANKS)


@contextmanager
def frozen_while_it_holds(
    shop: Shop, process: ForkServerProcess, table: str, mode: str
) -> Iterator[None]:
    """Let a process stand still just when its transaction holds a lock, and keeps it.

    The server is to wait for its next statement by then: whoever stands still with a statement on
    its way is cut off by the time that a statement may take, which is half an hour.
    """
    query = HELD % (table, mode)

    def caught() -> bool:
        if not rows(shop.engine, query):
            return False
        os.kill(process.pid or 0, signal.SIGSTOP)
        for _ in range(20):
            time.sleep(0.05)
            if (found := rows(shop.engine, query)) == [("idle in transaction",)]:
                return True
            if not found:
                break
        os.kill(process.pid or 0, signal.SIGCONT)
        return False

    wait_for(caught, every=0.001)
    try:
        yield
    finally:
        os.kill(process.pid or 0, signal.SIGCONT)


def test_an_import_that_stands_still_holds_up_no_other(server_shop: Shop, tmp_path: Path) -> None:
    shop = server_shop
    facts = write_facts(tmp_path / "facts", customers=20_000, files=1)
    log = tmp_path / "import"
    with processes() as children:
        given = (workers.import_once, shop.folder, url_of(shop.engine), facts, log)
        standing = children.start(*given)
        with frozen_while_it_holds(shop, standing, "customer", "ShareUpdateExclusiveLock"):
            shop.customers(ana={})
            one = tmp_path / "one.csv"
            one.write_text("id,email\nana,ana@shop.example\n")
            assert import_file(shop.engine, "customers", one).loaded == 1
        assert children.join(standing) == 1
        assert CUT_OFF.search(log.read_text())
        assert children.join(children.start(*given)) == 0
    assert rows(shop.engine, "SELECT count(*) FROM customer") == [(20_001,)]


def test_a_tick_that_stands_still_holds_up_no_other(server_shop: Shop, tmp_path: Path) -> None:
    shop = server_shop
    for kind, path in write_facts(tmp_path / "facts", customers=2_000, files=1):
        import_file(shop.engine, kind, path, catalog=shop.playbook.catalog)  # type: ignore[arg-type]  # a kind
    log = tmp_path / "scheduler.jsonl"
    with processes() as children:
        standing = children.start(
            workers.schedule, shop.folder, url_of(shop.engine), FIRST, STEP, log
        )
        with frozen_while_it_holds(shop, standing, "tick", "ExclusiveLock"):
            later = FIRST + timedelta(days=1)
            with live_run(shop.engine, TickPlan(shop.playbook, later)) as ticked:
                assert not ticked.did_nothing
        wait_for(lambda: '"event": "recovered"' in log.read_text())
        assert children.end(standing) == 0
    assert CUT_OFF.search(log.read_text())
