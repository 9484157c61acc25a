"""SIGKILL of the scheduler and of imports at random instants: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from faults import workers
from faults.kit import Processes, figures, processes, sized, wait_for
from harness import Shop, at
from loading import rows
from sqlalchemy import Engine, text
from waking import let_the_lease_run_out

from orchestrator.database import memory_engine
from orchestrator.importing.run import import_file
from orchestrator.simulation.play import play
from orchestrator.tick.run import TickPlan, live_run

FIRST, STEP = at("2026-03-02T08:00"), timedelta(minutes=10)
WELCOME = """
flow: welcome
status: live
starts_when: {did: signed_up, catch_up: 8 weeks}
steps:
  - set: {points: {add: 1}}
  - {send: first}
  - {wait: 20 min}
  - {send: second}
  - {wait: 1 hours}
  - {task: Call them, id: call}
  - {send: third}
"""
THANKS = """
flow: thanks
status: live
starts_when: {did: buy, catch_up: 8 weeks}
re_entry: always
key: cart
steps:
  - {send: thank}
"""
SENDS = ("first", "second", "third")
"""What welcome sends, in order."""
STANDS = {"wait_before_second": SENDS[:1], "wait_before_third": SENDS[:2], "": SENDS}
"""Where a run of welcome may stand, or that it ended → what it has sent."""

STATE = {
    "decisions": "SELECT c.external_id, d.flow, d.entry, d.step, d.channel,"
    " d.decision, d.reason FROM decision d JOIN customer c ON c.id = d.customer_id",
    "ledger": "SELECT c.external_id, m.flow, m.entry, m.step, m.occurrence, m.channel"
    " FROM message m JOIN customer c ON c.id = m.customer_id",
    "runs": "SELECT c.external_id, r.flow, r.entry, r.status, r.step, r.exit_reason"
    " FROM enrollment r JOIN customer c ON c.id = r.customer_id",
    "tasks": "SELECT c.external_id, t.flow, t.entry, t.step, t.occurrence"
    " FROM task t JOIN customer c ON c.id = t.customer_id",
    "points": "SELECT c.external_id, v.scaled FROM attribute_value v"
    " JOIN customer c ON c.id = v.customer_id WHERE v.name = 'points'",
}


def state(engine: Engine) -> dict[str, Counter[tuple[object, ...]]]:
    """Return what flows have done, without the instants at which they did it."""
    return {name: Counter(rows(engine, query)) for name, query in STATE.items()}


def write_facts(folder: Path, customers: int, files: int) -> list[tuple[str, Path]]:
    """Write customers, and events that all of them did after the flows went live."""
    folder.mkdir()
    chance = random.Random(3)
    names = [f"c{number:05}" for number in range(customers)]
    chance.shuffle(names)
    found = []
    for part in range(files):
        some = names[part::files]
        people = folder / f"customers_{part:03}.csv"
        people.write_text(
            "id,email,plan,subscribed_to\n"
            + "".join(f"{name},{name}@shop.example,{part % 3},news\n" for name in some)
        )
        events = folder / f"events_{part:03}.csv"
        lines = [
            f"{kind}-{name},{name},{kind},{FIRST + timedelta(seconds=chance.randint(1, 3000)):%Y-%m-%dT%H:%M:%SZ},{name}\n"
            for name in some
            for kind in ("signed_up", *(("buy",) if name[-1] in "27" else ()))
        ]
        events.write_text("id,customer_id,event,at,cart\n" + "".join(lines))
        found += [("customers", people), ("events", events)]
    return found


def undisturbed(folder: Path, shop: Shop, facts: list[tuple[str, Path]]) -> Engine:
    """Return a database in which the same facts met the same ticks, and nobody was killed."""
    engine = memory_engine()
    with live_run(engine, TickPlan(shop.playbook, FIRST)):
        pass
    for kind, path in facts:
        import_file(engine, kind, path, catalog=shop.playbook.catalog)  # type: ignore[arg-type]  # a kind
    for _ in play(engine, shop.playbook, [FIRST + number * STEP for number in range(1, 30)]):
        pass
    return engine


def half_done(engine: Engine) -> tuple[int, int]:
    """Return how many runs are past a send that the ledger lacks, and how many sends lack a run."""
    # Both questions are asked of one state of the data.
    query = (
        "SELECT r.customer_id, CASE WHEN r.status = 'active' THEN r.step ELSE '' END, m.step"
        " FROM enrollment r LEFT JOIN message m ON m.flow = r.flow"
        " AND m.customer_id = r.customer_id AND m.entry = r.entry WHERE r.flow = 'welcome'"
        " UNION ALL SELECT m.customer_id, NULL, m.step FROM message m LEFT JOIN enrollment r"
        " ON m.flow = r.flow AND m.customer_id = r.customer_id AND m.entry = r.entry"
        " WHERE r.flow IS NULL"
    )
    sent: dict[int, tuple[str | None, set[str]]] = {}
    with engine.connect() as connection:
        for customer, where, step in connection.execute(text(query)):
            sent.setdefault(customer, (where, set()))[1].add(step)
    advanced = ahead = 0
    for where, steps in sent.values():
        due = set() if where is None else set(STANDS[where])
        advanced += bool(due - steps)
        ahead += bool(steps - due - {None})
    return advanced, ahead


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_scheduler_and_imports_are_killed(
    shop: Shop, tmp_path: Path
) -> None:
    kills, customers = sized(10, 200), sized(300, 10_000)
    shop.write(welcome=WELCOME, thanks=THANKS)
    assert shop.playbook.flows
    facts = write_facts(tmp_path / "facts", customers, files=sized(6, 40))
    with live_run(shop.engine, TickPlan(shop.playbook, FIRST)):
        pass  # from here on the flows are live
    began = time.monotonic()
    with processes() as children:
        found = killed_again_and_again(shop, facts, children, kills)
        brought_to_an_end(shop, facts, children, customers)
    seconds = time.monotonic() - began
    expected, after = state(undisturbed(tmp_path, shop, facts)), state(shop.engine)
    lost = {name: (expected[name] - after[name]).total() for name in STATE}
    doubled = {name: (after[name] - expected[name]).total() for name in STATE}
    files = Counter(path.name for path in (shop.folder / "outbox").glob("[!.]*.json"))
    log = (shop.folder / "scheduler.jsonl").read_text(encoding="utf-8")
    figures(
        f"kills of scheduler and imports, {shop.engine.dialect.name}",
        customers=customers,
        kills=kills,
        of_the_scheduler=found["scheduler"],
        of_an_import=found["import"],
        ticks=rows(shop.engine, "SELECT count(*) FROM tick")[0][0],
        messages=after["ledger"].total(),
        advanced_without_ledger_row=found["advanced"],
        ledger_row_without_advance=found["ahead"],
        duplicates=sum(doubled.values()),
        lost=sum(lost.values()),
        seconds=round(seconds),
    )

    assert (found["advanced"], found["ahead"]) == (0, 0)
    assert set(lost.values()) == set(doubled.values()) == {0}, (lost, doubled)
    assert len(files) == after["ledger"].total() == expected["ledger"].total()
    assert rows(shop.engine, "SELECT DISTINCT state FROM message") == [("sent",)]
    assert '"event": "failed"' not in log


def killed_again_and_again(
    shop: Shop, facts: list[tuple[str, Path]], children: Processes, kills: int
) -> Counter[str]:
    """Let a scheduler and an import run side by side, and kill one of them at random instants."""
    chance = random.Random(20_261_122)
    url = shop.engine.url.render_as_string(hide_password=False)
    log, done = shop.folder / "scheduler.jsonl", shop.folder / "done.txt"
    work: dict[str, tuple[Any, ...]] = {
        "scheduler": (workers.schedule, shop.folder, url, FIRST, STEP, log),
        "import": (workers.import_for_ever, shop.folder, url, facts, done, shop.folder / "import"),
    }
    running = {name: children.start(*given) for name, given in work.items()}
    found: Counter[str] = Counter()
    for _ in range(kills):
        time.sleep(chance.uniform(0.02, 1.1))
        name = chance.choice(("scheduler", "scheduler", "import"))
        assert all(one.is_alive() for one in running.values()), "it ended by itself"
        children.kill(running[name])
        found[name] += 1
        if name == "scheduler":
            let_the_lease_run_out(shop)
            advanced, ahead = half_done(shop.engine)
            found["advanced"] += advanced
            found["ahead"] += ahead
        running[name] = children.start(*work[name])
    children.kill_all()
    let_the_lease_run_out(shop)
    return found


def brought_to_an_end(
    shop: Shop, facts: list[tuple[str, Path]], children: Processes, customers: int
) -> None:
    """Import all once more, and let a last scheduler run until nobody waits."""
    url = shop.engine.url.render_as_string(hide_password=False)
    log = shop.folder / "scheduler.jsonl"
    imported = children.start(workers.import_once, shop.folder, url, facts, shop.folder / "import")
    assert children.join(imported) == 0
    written = log.stat().st_size
    last = children.start(workers.schedule, shop.folder, url, FIRST, STEP, log)
    wait_for(lambda: log.stat().st_size > written, every=0.1)  # else it is stopped as it starts
    ended = "SELECT count(*) FROM enrollment WHERE flow = 'welcome' AND status = 'ended'"
    queued = "SELECT count(*) FROM message WHERE state = 'queued'"
    wait_for(lambda: rows(shop.engine, ended) == [(customers,)], every=0.5)
    wait_for(lambda: rows(shop.engine, queued) == [(0,)], every=0.5)
    assert children.end(last) == 0
