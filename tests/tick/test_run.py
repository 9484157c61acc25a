"""What one tick promises to everybody else who uses the database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import Shop, at
from sqlalchemy import Engine, func, select

from orchestrator import tables
from orchestrator.errors import UsageError
from orchestrator.tick import apply, rounds
from orchestrator.tick.results import decisions
from orchestrator.tick.run import TickPlan, dry_run, live_run

NOW = at("2026-03-02T09:00")
FLOW = """
flow: hello
status: live
owner: me
starts_when: {matches: [{attribute: plan, is: pro}]}
exits_when: {attribute: plan, is: gone}
steps:
  - {send: hello}
  - {wait: 1 day}
  - {send: again}
"""


@pytest.fixture
def pro_shop(shop: Shop) -> Shop:
    """A shop whose ten customers all enter one flow."""
    people = {f"c{number}": {"plan": "pro"} for number in range(10)}
    return shop.write(hello=FLOW).customers(**people)


def counts(engine: Engine) -> Mapping[str, int]:
    """Return the number of rows of every table."""
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables.metadata.sorted_tables
        }


def told(ticked: Any) -> list[tuple[Any, ...]]:
    return [
        (row.customer, row.flow, row.step, row.decision, row.reason, row.channel)
        for batch in decisions(ticked.tick)
        for row in batch
    ]


def test_a_dry_run_keeps_no_row_and_tells_what_the_live_run_then_tells(pro_shop: Shop) -> None:
    engine, playbook = pro_shop.import_facts().engine, pro_shop.playbook
    before = counts(engine)
    with dry_run(engine, TickPlan(playbook, NOW)) as ticked:
        previewed = told(ticked)
    assert counts(engine) == before

    with live_run(engine, TickPlan(playbook, NOW)) as ticked:
        assert told(ticked) == previewed
    assert len(previewed) == 10
    assert counts(engine)["message"] == 10


def test_a_second_live_tick_of_the_same_instant_does_nothing(pro_shop: Shop) -> None:
    engine, playbook = pro_shop.import_facts().engine, pro_shop.playbook
    with live_run(engine, TickPlan(playbook, NOW)):
        pass
    after = counts(engine)
    with live_run(engine, TickPlan(playbook, NOW)) as ticked:
        assert ticked.did_nothing
    assert counts(engine) == after


def test_a_preview_of_the_past_is_refused(pro_shop: Shop) -> None:
    engine, playbook = pro_shop.import_facts().engine, pro_shop.playbook
    with live_run(engine, TickPlan(playbook, NOW)):
        pass
    earlier = TickPlan(playbook, NOW - timedelta(hours=1))
    with pytest.raises(UsageError, match="before the latest tick"), dry_run(engine, earlier):
        pass


def test_a_dry_run_under_way_stops_no_live_tick(pro_shop: Shop) -> None:
    engine, playbook = pro_shop.import_facts().engine, pro_shop.playbook
    with dry_run(engine, TickPlan(playbook, NOW)) as previewed:
        with live_run(engine, TickPlan(playbook, NOW)) as ticked:
            assert not ticked.did_nothing
        assert len(told(previewed)) == 10
    assert counts(engine)["message"] == 10


def test_of_two_ticks_at_once_one_writes(pro_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that finds the watermark moved by another writes nothing."""
    engine, playbook = pro_shop.import_facts().engine, pro_shop.playbook
    play = rounds.play

    def meanwhile(tick: Any) -> None:
        monkeypatch.setattr(rounds, "play", play)
        play(tick)
        with live_run(engine, TickPlan(playbook, NOW + timedelta(minutes=1))) as other:
            assert not other.did_nothing

    monkeypatch.setattr(rounds, "play", meanwhile)
    with live_run(engine, TickPlan(playbook, NOW)) as ticked:
        assert ticked.did_nothing
    assert counts(engine)["message"] == 10
    assert counts(engine)["enrollment"] == 10
    assert counts(engine)["tick"] == 1


def test_a_fault_while_writing_leaves_nothing_behind(
    pro_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, playbook = pro_shop.import_facts().engine, pro_shop.playbook
    before = counts(engine)

    def fault(tick: Any) -> None:
        raise RuntimeError("the power went off")

    monkeypatch.setattr(apply, "write_tick", fault)
    with pytest.raises(RuntimeError), live_run(engine, TickPlan(playbook, NOW)):
        pass
    assert counts(engine) == before


KILLED = """
import sys
from pathlib import Path
from harness import at
from orchestrator.database import open_engine
from orchestrator.playbook.load import load
from orchestrator.tick.run import TickPlan, live_run
playbook = load(Path(sys.argv[2])).playbook
print("ready", flush=True)
with live_run(open_engine(sys.argv[1]), TickPlan(playbook, at("2026-03-02T09:00"))):
    pass
"""


@pytest.mark.slow
def test_a_killed_tick_is_whole_or_absent(pro_shop: Shop) -> None:
    """SIGKILL at several instants: a run and its message are there together, or neither."""
    engine = pro_shop.import_facts().engine
    assert pro_shop.playbook.flows  # writes the files
    for delay in (0.0, 0.02, 0.05, 0.08, 0.12, 0.2):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                KILLED,
                str(engine.url.render_as_string(hide_password=False)),
                str(pro_shop.folder),
            ],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = counts(engine)
        assert found["message"] == found["enrollment"] == 10 * found["tick"]


def test_a_preview_of_now_follows_a_tick_that_came_in_between(pro_shop: Shop) -> None:
    pro_shop.tick(NOW.isoformat())
    behind = NOW - timedelta(seconds=40)
    with pytest.raises(UsageError), dry_run(pro_shop.engine, TickPlan(pro_shop.playbook, behind)):
        pass
    patient = TickPlan(pro_shop.playbook, behind, slack=timedelta(minutes=1))
    with dry_run(pro_shop.engine, patient) as ticked:
        assert ticked.tick.now == NOW + timedelta(microseconds=1)
    late = TickPlan(pro_shop.playbook, NOW + timedelta(days=1), slack=timedelta(minutes=1))
    with dry_run(pro_shop.engine, late) as ticked:
        assert ticked.tick.now == late.now
    lost = TickPlan(pro_shop.playbook, NOW - timedelta(hours=1), slack=timedelta(minutes=1))
    with pytest.raises(UsageError), dry_run(pro_shop.engine, lost):
        pass
