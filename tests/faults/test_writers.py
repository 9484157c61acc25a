"""Several imports, schedulers and dry runs at once: they queue, and none of them fails."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from faults import workers
from faults.kit import figures, processes, sized, wait_for
from harness import Shop, at
from loading import rows
from sqlalchemy import text
from waking import approve_all

from orchestrator.tick.run import TickPlan, dry_run, live_run

FIRST, STEP = at("2026-03-02T08:00"), timedelta(minutes=1)
FLOW = """
flow: hello
status: live
starts_when: {did: buy, catch_up: 8 weeks}
re_entry: always
key: cart
steps:
  - set: {points: {add: 1}, plan: seen}
  - {send: welcome}
"""
IMPORTERS, SCHEDULERS = 4, 2


def write_facts(folder: Path, customers: int) -> list[list[tuple[str, Path]]]:
    """Write one list of files per importer, all about the same customers in another order.

    Each importer brings its own events, one event that all bring, and its own plan for everybody.
    """
    folder.mkdir()
    names = [f"c{number:05}" for number in range(customers)]
    found = []
    for number in range(IMPORTERS):
        random.Random(number).shuffle(names)
        events = folder / f"events_{number}.csv"
        lines = [
            f"{id},{name},buy,2026-03-02T08:00:30Z,{id}\n"
            for name in names
            for id in (f"{name}-{number}", f"{name}-all")
        ]
        events.write_text("id,customer_id,event,at,cart\n" + "".join(lines))
        people = folder / f"customers_{number}.csv"
        people.write_text(
            "id,email,plan,subscribed_to\n"
            + "".join(f"{name},{name}@shop.example,plan{number},news\n" for name in names)
        )
        found.append([("customers", people), ("events", events)] * 2)
    return found


@pytest.mark.slow
def test_imports_schedulers_and_dry_runs_at_once_all_come_to_their_end(
    shop: Shop, tmp_path: Path
) -> None:
    customers = sized(400, 5_000)
    facts = write_facts(tmp_path / "facts", customers)
    shop.write(hello=FLOW)
    with live_run(shop.engine, TickPlan(shop.playbook, FIRST)):
        pass
    url = shop.engine.url.render_as_string(hide_password=False)
    began = time.monotonic()
    with processes() as children:
        logs = [tmp_path / f"scheduler-{number}.jsonl" for number in range(SCHEDULERS)]
        planning = [
            children.start(workers.schedule, shop.folder, url, FIRST, STEP, log) for log in logs
        ]
        racing = children.start(
            workers.race,
            shop.folder,
            url,
            [FIRST + number * STEP for number in range(1, sized(10, 50))],
            tmp_path / "race",
        )
        looking = children.start(workers.preview_for_ever, shop.folder, url, tmp_path / "previews")
        imports = [
            children.start(workers.import_once, shop.folder, url, files, tmp_path / f"import-{n}")
            for n, files in enumerate(facts)
        ]
        codes = [children.join(one) for one in [*imports, racing]]
        told = "".join(path.read_text() for path in tmp_path.glob("import-*[0-9]"))
        assert codes == [0] * (IMPORTERS + 1), told
        until_all_is_sent(shop, customers)
        assert looking.is_alive()
        ended = [children.end(one) for one in planning]
    seconds = time.monotonic() - began
    events, previews = customers * (IMPORTERS + 1), lines(tmp_path / "previews")
    figures(
        f"{IMPORTERS} imports, {SCHEDULERS + 1} schedulers and dry runs at once, "
        f"{shop.engine.dialect.name}",
        customers=customers,
        events=events,
        ticks=rows(shop.engine, "SELECT count(*) FROM tick")[0][0],
        dry_runs=previews,
        messages=rows(shop.engine, "SELECT count(*) FROM message")[0][0],
        seconds=round(seconds),
    )

    assert ended == [0] * SCHEDULERS
    assert rows(shop.engine, "SELECT count(*) FROM event") == [(events,)]
    assert rows(shop.engine, "SELECT count(*) FROM message") == [(events,)]
    points = "SELECT count(*), min(scaled), max(scaled) FROM attribute_value WHERE name = 'points'"
    each = (IMPORTERS + 1) * 10_000
    assert rows(shop.engine, points) == [(customers, each, each)]
    assert previews > 0
    failed = [log.name for log in logs if '"event": "failed"' in log.read_text(encoding="utf-8")]
    assert not failed


def until_all_is_sent(shop: Shop, customers: int) -> None:
    sent = "SELECT count(*) FROM message WHERE state = 'sent'"
    decided = "SELECT count(*) FROM message"
    expected = [(customers * (IMPORTERS + 1),)]
    wait_for(lambda: rows(shop.engine, decided) == expected, every=0.3)
    approve_all(shop)
    wait_for(lambda: rows(shop.engine, sent) == expected, every=0.3)


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


@pytest.mark.slow
def test_a_dry_run_stands_in_nobodys_way_and_sees_one_state(shop: Shop, tmp_path: Path) -> None:
    """While it is open, an import and a live tick begin, write and end; it sees neither."""
    shop.write(hello=FLOW).customers(anna={})
    shop.event("anna", "buy", "2026-03-02T08:00:10", cart="a")
    shop.import_facts()
    with live_run(shop.engine, TickPlan(shop.playbook, FIRST)):
        pass
    facts = write_facts(tmp_path / "facts", customers=50)
    url = shop.engine.url.render_as_string(hide_password=False)
    log = tmp_path / "import-0"
    with processes() as children:
        with dry_run(shop.engine, TickPlan(shop.playbook, FIRST + STEP)) as previewed:
            before = seen(previewed)
            began = time.monotonic()
            imported = children.start(workers.import_once, shop.folder, url, facts[0], log)
            assert children.join(imported) == 0
            with live_run(shop.engine, TickPlan(shop.playbook, FIRST + STEP)) as ticked:
                assert not ticked.did_nothing
                assert ticked.report.flows["hello"].sends == 101
            took = time.monotonic() - began
            assert seen(previewed) == before == (1, 1)
    assert took < 20
    assert rows(shop.engine, "SELECT count(*) FROM message") == [(101,)]


def seen(previewed: Any) -> tuple[int, int]:
    """Return how many events a dry run sees, and how many messages it would send."""
    connection = previewed.tick.connection
    events = connection.scalar(text("SELECT count(*) FROM event"))
    return events, connection.scalar(text("SELECT count(*) FROM tick_message"))
