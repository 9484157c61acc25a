"""The clock: what ``start`` wakes, and what ``status`` and ``doctor`` look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.delivery import drain, sending_beside
from orchestrator.app.exporting import export_once, exporting_beside
from orchestrator.app.last_good import LastGood, last_good, playbook_or_refusal
from orchestrator.app.opening import OpenProject, open_database
from orchestrator.app.serving import LATE_AFTER, ServeRequest, answering_beside, beside_planner
from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault
from orchestrator.settings import (
    LOCAL_FOLDER,
    database_url,
    find_project,
    read_variables,
)

if TYPE_CHECKING:
    from orchestrator.health.doctor import Patient
    from orchestrator.health.status import Standing
    from orchestrator.scheduler.events import Tell
    from orchestrator.scheduler.outcome import Outcome
    from orchestrator.scheduler.planner import Planner


SCHEDULER = "scheduler"
"""The loop that plans, as health knows it."""


@dataclass(frozen=True)
class ClockRequest:
    """How the clock is to go."""

    every: timedelta
    """Between two wakes."""
    max_gap: timedelta
    """After a longer time without a tick, a person is asked; never less than two wakes."""
    accepts: bool = False
    """Whether that question is answered beforehand."""


def planner(
    given: Path | None,
    url: str | None,
    variables: Iterable[str] | None,
    *,
    request: ClockRequest,
    tell: Tell,
) -> Planner:
    """Return what the clock wakes, its database looked at once.

    Args:
        given: ``--project``; None is the nearest project here or above.
        url: ``--db``; None is ``CLM_DATABASE_URL``, else the file under ``.clm/``.
        variables: ``--var`` options, ``name=value``.
    Raises:
        UsageError: there is no project, or a variable is not understood.
        EnvironmentFault: the database's schema is not this version's, its URL is no URL, or the
            secret that is here is not the one that it signs links with.
    """
    from orchestrator import database
    from orchestrator.delivery.signers import refuse_another
    from orchestrator.scheduler.events import Voice
    from orchestrator.scheduler.files import PlaybookFiles
    from orchestrator.scheduler.lease import Candidate
    from orchestrator.scheduler.note import note_path
    from orchestrator.scheduler.planner import Planner

    folder = find_project(given)
    engine = database.open_engine(database_url(url) or database.default_url(folder))
    ready = Planner(
        engine=engine,
        files=PlaybookFiles(folder, read_variables(variables or ())),
        note=note_path(folder, engine),
        voice=Voice(tell),
        clock=utcnow,
        candidate=Candidate(engine),
        max_gap=max(request.max_gap, 2 * request.every),
        accepts=request.accepts,
    )
    if ready.look():
        refuse_another(engine, folder)
    return ready


def wake_once(planner: Planner) -> Outcome:
    """Wake the planner one time, send and write what is due then, and give the office back.

    Raises:
        EnvironmentFault: the database failed while sending.
    """
    try:
        outcome = planner.wake()
    finally:
        planner.leave()
    if planner.settled.is_set() and planner.files.playbook is not None:
        opened = OpenProject(planner.files.folder, planner.files.playbook)
        drain(opened, planner.engine, planner.clock(), planner.voice.say)
        if outcome in ("ticked", "up_to_date"):
            export_once(planner)
    return outcome


def run_clock(planner: Planner, request: ClockRequest, answers: ServeRequest) -> int | None:
    """Wake the planner again and again, send and answer beside it; returns what ended it.

    Raises:
        PlaybookErrors: the files do not load and there never was a release.
        UsageError: the same, of files that cannot be understood at all.
        EnvironmentFault: an address that was asked for cannot be had.
    """
    from orchestrator.scheduler.waking import Alarm, stopped_by_signals  # costs APScheduler

    with (
        stopped_by_signals() as stop,
        answering_beside(beside_planner(planner, answers), stop.asked) as metrics,
        sending_beside(planner, stop.asked, metrics),
        exporting_beside(planner, stop.asked),
    ):
        metrics.expects(SCHEDULER, max(LATE_AFTER, 3 * request.every))
        planner.smears = True
        planner.went_round = lambda: metrics.looped(SCHEDULER)
        Alarm(planner, request.every, stop.asked, utcnow).run()
        planner.voice.say("stopped", "stopped; the tick under way was finished")
        return stop.signal


@dataclass(frozen=True)
class Status:
    """How things stand, and of what project: by its zone a person reads it."""

    standing: Standing
    known: LastGood


def status(
    given: Path | None, url: str | None, variables: Iterable[str] | None, at: str | None
) -> Status:
    """Return how things stand; files that do not load give way to the last release.

    Raises:
        UsageError: there is no project, or ``--at`` is no time.
        EnvironmentFault: the database refused.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.health.status import standing

    folder = find_project(given)
    engine = open_database(folder, url, read_only=True)
    known = last_good(folder, engine, variables)
    with database_faults(), engine.connect() as connection:
        found = standing(connection, known.playbook, folder, known.now(at))
    return Status(found, known)


def patient(
    given: Path | None, url: str | None, variables: Iterable[str] | None, dns: str | None
) -> Patient:
    """Return what ``doctor`` looks at; a database that cannot be used is for it to find.

    Args:
        dns: ``--dns``: the name server, ``off``; None is as the machine is set up.
    Raises:
        UsageError: there is no project, or ``--dns`` is not understood.
        EnvironmentFault: there is no such database, or its URL is no URL.
    """
    from orchestrator import database
    from orchestrator.health.doctor import Patient
    from orchestrator.health.names import names_of

    folder = find_project(given)
    asked = database_url(url)
    own = folder / LOCAL_FOLDER / "clm.db"
    if asked is None and not own.exists():
        raise EnvironmentFault(
            f"there is no database at {own} yet", help="clmctl import customers FILE makes one"
        )
    engine = database.open_engine(asked or database.default_url(folder), read_only=True)
    return Patient(engine, *playbook_or_refusal(folder, variables), utcnow(), folder, names_of(dns))
