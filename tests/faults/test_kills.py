"""SIGKILL of the scheduler and of imports at random instants: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

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
from waking import let_the_lease_run_out

from orchestrator.tick.run import TickPlan, live_run


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
    assert rows(shop.engine, "SELECT state, error FROM message WHERE state <> 'sent'") == []
    assert len(files) == after["ledger"].total() == expected["ledger"].total()
    assert '"event": "failed"' not in log


def killed_again_and_again(
    shop: Shop, facts: list[tuple[str, Path]], children: Processes, kills: int
) -> Counter[str]:
    """Let a scheduler and an import run side by side, and kill one of them at random instants."""
    chance = random.Random(20_261_122)
    url = shop.engine.url.render_as_string(hide_password=False)
    log, done = shop.folder / "scheduler.jsonl", shop.folder / "done.txt"
    log.touch()
    work: dict[str, tuple[Any, ...]] = {
        "scheduler": (workers.schedule, shop.folder, url, FIRST, STEP, log),
        "import": (workers.import_for_ever, shop.folder, url, facts, done, shop.folder / "import"),
    }
    began = time.monotonic()
    running = {name: children.start(*given) for name, given in work.items()}
    found: Counter[str] = Counter()
    wait_for(lambda: log.stat().st_size > 0)
    latest = max(1.1, 2 * (time.monotonic() - began))  # a slow machine's processes too come to work
    for _ in range(kills):
        time.sleep(chance.uniform(0.02, latest))
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
