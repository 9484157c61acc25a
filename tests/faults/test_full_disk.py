"""A disk that is full for a while: nothing is kept by halves, and all goes on by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from faults import workers
from faults.kit import figures, processes, sized, wait_for
from faults.welcome import FIRST, STEP, WELCOME, brought_to_an_end, half_done, write_facts
from harness import Shop
from loading import rows

from orchestrator.database import open_engine
from orchestrator.importing.run import import_file
from orchestrator.tick.run import TickPlan, live_run

ROOM = 65_536
"""Bytes that any file of the scheduler may have while its disk is full; the database has more."""


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux limits the files of another process"
)
def test_a_scheduler_whose_disk_was_full_goes_on_where_it_was(
    sqlite_url: str, tmp_path: Path
) -> None:
    import resource  # not on every system

    folder, customers = tmp_path / "project", sized(300, 5_000)
    folder.mkdir()
    shop = Shop(open_engine(sqlite_url), folder).write(welcome=WELCOME)
    with live_run(shop.engine, TickPlan(shop.playbook, FIRST)):
        pass
    facts = write_facts(tmp_path / "facts", customers, files=1)
    log, failures = folder / "scheduler.jsonl", 0
    log.touch()
    with processes() as children:
        planning = children.start(workers.schedule, folder, sqlite_url, FIRST, STEP, log)
        wait_for(lambda: '"event": "tick"' in log.read_text())
        assert planning.pid is not None
        resource.prlimit(planning.pid, resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
        for kind, path in facts:
            import_file(shop.engine, kind, path, catalog=shop.playbook.catalog)  # type: ignore[arg-type]  # a kind
        wait_for(lambda: log.read_text().count('"event": "failed"') > 1)
        half = half_done(shop.engine)
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(planning.pid, resource.RLIMIT_FSIZE, unlimited)
        wait_for(lambda: '"event": "recovered"' in log.read_text())
        failures = log.read_text().count('"event": "failed"')
        assert children.end(planning) == 0
        brought_to_an_end(shop, facts, children, customers)
    sent = rows(shop.engine, "SELECT state, count(*) FROM message GROUP BY state")
    figures("a full disk", customers=customers, failures=failures, messages=sent[0][1])

    assert half == (0, 0)
    assert sent == [("sent", 3 * customers)]
    assert len(list((folder / "outbox").glob("[!.]*.json"))) == 3 * customers
    assert rows(shop.engine, "PRAGMA integrity_check") == [("ok",)]
