"""What the processes of these tests do: the product's scheduler, imports and ticks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from faults.provider import Caller
from faults.provider import serve as provide
from sending import KEYS

from orchestrator import app
from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow
from orchestrator.database import open_engine
from orchestrator.database_faults import database_faults
from orchestrator.delivery.manner import Manner, Until
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.policy import Doubt
from orchestrator.delivery.worker import Worker
from orchestrator.playbook.load import load
from orchestrator.scheduler import waking as _waking  # imported once, before processes fork
from orchestrator.scheduler.events import Happened, json_line
from orchestrator.tick.beginning import watermark
from orchestrator.tick.run import TickPlan, dry_run, live_run

__all__ = [
    "_waking", "command", "import_for_ever", "import_once", "preview_for_ever", "provide", "race", "schedule",
    "send",
]  # fmt: skip


def schedule(folder: Path, url: str, first: datetime, step: timedelta, log: Path) -> None:
    """Run ``clmctl start`` by a clock that stands at the instant after the last tick.

    So the ticks are at ``first``, ``first + step`` …, whenever a process lived or died.
    """

    def tell(happened: Happened) -> None:
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json_line(happened, utcnow()) + "\n")

    def clock() -> datetime:
        with database_faults(), planner.engine.connect() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")
            latest, _ = watermark(connection)
        return first if latest is None else latest + step

    request = app.ClockRequest(timedelta(milliseconds=10), timedelta(days=3650), accepts=False)
    planner = app.planner(folder, url, None, request=request, tell=tell)
    planner.clock = clock
    planner.database_clock = lambda connection: clock()
    app.run_clock(planner, request, app.ServeRequest(public="off", own="off"))


def import_once(folder: Path, url: str, files: Sequence[tuple[str, Path]], log: Path) -> None:
    """Run ``clmctl import`` on each file; exits with 1 if any of them fails."""
    with log.open("a", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    where = ["--project", str(folder), "--db", url, "--rejects", str(log.with_suffix(".rejects"))]
    codes = [answer(["import", kind, str(path), *where]) for kind, path in files]
    sys.exit(1 if any(codes) else 0)


def import_for_ever(
    folder: Path, url: str, files: Sequence[tuple[str, Path]], done: Path, log: Path
) -> None:
    """Import the files that are not noted as done, then all of them again and again."""
    with log.open("a", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    where = ["--project", str(folder), "--db", url, "--rejects", str(log.with_suffix(".rejects"))]
    known = set(done.read_text(encoding="utf-8").split()) if done.exists() else set()
    open_ones = [one for one in files if one[1].name not in known]
    while True:
        for kind, path in open_ones or files:
            if answer(["import", kind, str(path), *where]) != 0:
                sys.exit(1)
            with done.open("a", encoding="utf-8") as stream:
                stream.write(path.name + "\n")
        open_ones = []


def command(words: Sequence[str], log: Path) -> None:
    """Run ``clmctl``."""
    with log.open("a", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    sys.exit(answer(list(words)))


def race(folder: Path, url: str, instants: Sequence[datetime], log: Path) -> None:
    """Run a live tick at each instant, as fast as it goes; note which of them were written."""
    engine, playbook = open_engine(url), load(folder).playbook
    assert playbook is not None
    for now in instants:
        with live_run(engine, TickPlan(playbook, now, counts=False)) as ticked:
            wrote = not ticked.did_nothing
        if wrote:
            with log.open("a", encoding="utf-8") as stream:
                stream.write(f"{now.isoformat()}\n")


def preview_for_ever(folder: Path, url: str, log: Path) -> None:
    """Run dry ticks an hour after the last live one, one after another."""
    engine, playbook = open_engine(url, read_only=True), load(folder).playbook
    assert playbook is not None
    while True:
        with engine.connect() as connection:
            latest, _ = watermark(connection)
        if latest is None:
            continue
        with dry_run(engine, TickPlan(playbook, latest + timedelta(hours=1))) as ticked:
            flows = ticked.report.flows
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"{sorted(flows)}\n")


@dataclass(frozen=True)
class Sending:
    """How a worker of these tests sends."""

    folder: Path
    url: str
    port: Path
    """The file in which the provider's port stands."""
    policy: Doubt
    at_once: int
    lease: timedelta
    drains: bool = False
    deadly: str = ""
    """The customer whose message brings the whole process down."""


def send(asked: Sending) -> None:
    """Be a worker: until it is killed, or until nothing is left."""
    playbook = load(asked.folder).playbook
    assert playbook is not None
    caller = Caller(
        int(asked.port.read_text()), knows_keys=asked.policy == "retry", deadly=asked.deadly
    )
    outlet = Outlet(
        channel="email",
        adapter=caller,
        at_once=asked.at_once,
        on_in_doubt={"marketing": asked.policy, "transactional": asked.policy},
    )
    Worker(
        engine=open_engine(asked.url),
        outlets=[outlet],
        current=lambda: playbook,
        keys=KEYS,
        kill_file=asked.folder / ".clm" / "STOP",
        manner=Manner(
            clock=utcnow,
            until=Until.NOTHING_LEFT if asked.drains else Until.STOPPED,
            lease=asked.lease,
            rescue_every=asked.lease / 4,
            poll=0.02,
        ),
    ).run()
