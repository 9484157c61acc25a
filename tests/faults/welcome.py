"""A programme that anything may happen to, and what it must have done in the end."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

from faults import workers
from faults.kit import Processes, wait_for
from harness import Shop, at
from loading import rows
from sqlalchemy import Engine, text
from waking import approve_all

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
        connection.execution_options(sqlite_begin="DEFERRED")
        for customer, where, step in connection.execute(text(query)):
            sent.setdefault(customer, (where, set()))[1].add(step)
    advanced = ahead = 0
    for where, steps in sent.values():
        due = set() if where is None else set(STANDS[where])
        advanced += bool(due - steps)
        ahead += bool(steps - due - {None})
    return advanced, ahead


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
    under_way = "SELECT count(*) FROM message WHERE state IN ('queued', 'claimed', 'sending')"
    wait_for(lambda: rows(shop.engine, ended) == [(customers,)], every=0.5)
    approve_all(shop)
    wait_for(lambda: rows(shop.engine, under_way) == [(0,)], every=0.5)
    assert children.end(last) == 0
