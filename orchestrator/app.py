"""The composition root: from what the command line says to a project, a database, a tick.

Heavy modules are imported inside, so that a verb pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault, UsageError
from orchestrator.language.marks import Problem
from orchestrator.language.nearest import did_you_mean
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.refusal import PlaybookErrors
from orchestrator.settings import (
    LOCAL_FOLDER,
    database_url,
    find_project,
    instant_from,
    read_variables,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.health.doctor import Patient
    from orchestrator.health.status import Standing
    from orchestrator.records import DecisionLine, Explained, Sizes, TickReport
    from orchestrator.scheduler.events import Tell
    from orchestrator.scheduler.planner import Outcome, Planner
    from orchestrator.simulation.span import Simulation, SpanRequest
    from orchestrator.tasks import TaskLine


ALREADY_DONE = "a tick of this instant or a later one was run already; nothing was done"
OUTBOX = "outbox"
"""The folder of a project that the ``file`` channel writes messages to."""


@dataclass(frozen=True)
class OpenProject:
    """A project whose files loaded without errors."""

    folder: Path
    playbook: Playbook
    warnings: tuple[Problem, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone."""
        return ZoneInfo(self.playbook.project.timezone)

    def now(self, at: str | None) -> datetime:
        """Return the instant that ``--at`` names, else the present one."""
        return instant_from(at, self.zone) if at is not None else utcnow()

    def flow(self, name: str) -> Flow:
        """Return a flow by its id.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.playbook.flows:
            raise unknown("flow", name, self.playbook.flows)
        return self.playbook.flows[name]


def unknown(noun: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that the project does not have, with the nearest right one."""
    names = list(known)
    listed = f"{noun}s are: {', '.join(names) or 'none'}"
    return UsageError(f'there is no {noun} "{name}"', help=did_you_mean(name, names) + listed)


def open_project(given: Path | None, variables: Iterable[str] | None = None) -> OpenProject:
    """Read and check the project's files.

    Args:
        given: ``--project``; None is the nearest project here or above.
        variables: ``--var`` options, ``name=value``.
    Raises:
        UsageError: there is no project, or a variable is not understood.
        PlaybookErrors: the files have errors.
    """
    from orchestrator.playbook.check import check  # costs Jinja

    folder = find_project(given)
    loaded = check(folder, read_variables(variables or ()))
    if loaded.playbook is None:
        raise PlaybookErrors(loaded)
    return OpenProject(folder, loaded.playbook, tuple(loaded.problems))


def open_database(
    project: Path, url: str | None, *, read_only: bool = False, create: bool = False
) -> Engine:
    """Open the project's database and see that its schema is this version's.

    A reading verb on a project that has no database yet gets an empty one in memory.

    Args:
        url: ``--db``; None is ``CLM_DATABASE_URL``, else the file under ``.clm/``.
        create: make the tables if there are none.
    Raises:
        EnvironmentFault: it cannot be opened, or its schema is not this version's.
    """
    from orchestrator import database  # costs SQLAlchemy
    from orchestrator.migrations.state import require_schema

    asked = database_url(url)
    if asked is None and read_only and not (project / LOCAL_FOLDER / "clm.db").exists():
        return database.memory_engine()
    engine = database.open_engine(asked or database.default_url(project), read_only=read_only)
    require_schema(engine, create=create)
    return engine


@dataclass(frozen=True)
class TickRequest:
    """What one tick is asked to do."""

    now: datetime
    dry_run: bool
    as_live_since: datetime | None = None
    """Preview: flows never yet live count as live since then (semantics 1)."""
    drafts: frozenset[str] = frozenset()
    """Drafts that count as live in such a preview."""
    flows: frozenset[str] | None = None
    """Tell only the decisions of these flows; None is all. The others still compete."""
    reveal: bool = False
    """Whether personal attributes are rendered unmasked."""
    whole: int | None = None
    """How many masked messages of each kind are told with their text; None is all."""


Passed = Callable[[str], None]
"""Called with the name of each station of the tick as it begins."""


@contextmanager
def one_tick(
    opened: OpenProject, engine: Engine, request: TickRequest, passed: Passed
) -> Iterator[tuple[TickReport, Iterator[DecisionLine]]]:
    """Run one tick; inside the context its decisions can be read, once, rendered as they pass.

    The decisions come in the order they are told: (at, customer, flow, entry, step, channel).

    Raises:
        UsageError: ``now`` is before the last tick, in a dry run.
        EnvironmentFault: the database or the disk refused.
    """
    from orchestrator.database import database_faults
    from orchestrator.dispatch import dispatch_to_files, waiting_calls
    from orchestrator.render.mask import Masking
    from orchestrator.telling import decision_lines
    from orchestrator.tick.run import TickPlan, dry_run, live_run

    plan = TickPlan(
        opened.playbook, request.now, request.as_live_since, request.drafts, at_station=passed
    )
    masking = None if request.reveal else Masking(opened.playbook)
    run, waiting = dry_run if request.dry_run else live_run, 0
    with database_faults(), run(engine, plan) as ticked:
        if not request.dry_run:
            passed("outbox")
            dispatch_to_files(engine, opened.playbook, opened.folder / OUTBOX, request.now)
            waiting = waiting_calls(engine)
        report = ticked.report
        if waiting:
            report = replace(report, notes=(*report.notes, _calls_wait(waiting)))
        if ticked.did_nothing:
            report = replace(report, notes=(*report.notes, ALREADY_DONE))
        yield report, decision_lines(ticked.tick, masking, request.flows, whole=request.whole)


def _calls_wait(count: int) -> str:
    from orchestrator.report.layout import counted

    calls = counted(count, "call of a webhook", "calls of webhooks")
    return f"{calls} in the ledger, queued: clmctl import answers tells what came of them"


@contextmanager
def simulated(
    opened: OpenProject, engine: Engine, request: SpanRequest, passed: Passed
) -> Iterator[Simulation]:
    """Lay out a simulated span of time over a copy of the database; at the end it is removed.

    Raises:
        EnvironmentFault: the database or the disk refused.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.simulation.span import simulation

    with database_faults(), simulation(engine, opened.playbook, request, passed) as found:
        yield found


def sizes(opened: OpenProject, engine: Engine, now: datetime, passed: Passed) -> Sizes:
    """Return how many customers are in each stage and segment, as a tick finds them.

    Raises:
        UsageError: ``now`` is before the last tick.
        EnvironmentFault: the database refused.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.tick import results
    from orchestrator.tick.run import TickPlan, states_of

    plan = TickPlan(opened.playbook, now, at_station=passed)
    with database_faults(), states_of(engine, plan) as tick:
        return results.sizes(tick)


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
        EnvironmentFault: the database's schema is not this version's, or its URL is no URL.
    """
    from orchestrator import database
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
        outbox=folder / OUTBOX,
        note=note_path(folder, engine),
        voice=Voice(tell),
        clock=utcnow,
        candidate=Candidate(engine),
        max_gap=max(request.max_gap, 2 * request.every),
        accepts=request.accepts,
    )
    ready.look()
    return ready


def wake_once(planner: Planner) -> Outcome:
    """Wake the planner one time and give its office back."""
    try:
        return planner.wake()
    finally:
        planner.leave()


def run_clock(planner: Planner, request: ClockRequest) -> int | None:
    """Wake the planner again and again; returns the signal that ended it.

    Raises:
        PlaybookErrors: the files do not load and there never was a release.
        UsageError: the same, of files that cannot be understood at all.
    """
    from orchestrator.scheduler.waking import Alarm, stopped_by_signals  # costs APScheduler

    with stopped_by_signals() as stop:
        planner.is_stopping = stop.asked.is_set
        Alarm(planner, request.every, stop.asked, utcnow).run()
        planner.voice.say("stopped", "stopped; the tick under way was finished")
        return stop.signal


@dataclass(frozen=True)
class Status:
    """How things stand, and by which zone a person reads it."""

    standing: Standing
    zone: ZoneInfo
    refusal: str | None
    """Why the files do not load, if they do not."""


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
    from orchestrator.tick.releases import latest_release, recorded_playbook

    folder = find_project(given)
    engine = open_database(folder, url, read_only=True)
    playbook, refusal = _playbook_or_refusal(folder, variables)
    with database_faults(), engine.connect() as connection:
        shown = playbook
        if shown is None and (latest := latest_release(connection)):
            shown = recorded_playbook(connection, latest, read_variables(variables or ()))
        zone = ZoneInfo(shown.project.timezone if shown else "UTC")
        now = instant_from(at, zone) if at is not None else utcnow()
        return Status(standing(connection, shown, now), zone, refusal)


def patient(given: Path | None, url: str | None, variables: Iterable[str] | None) -> Patient:
    """Return what ``doctor`` looks at; a database that cannot be used is for it to find.

    Raises:
        UsageError: there is no project.
        EnvironmentFault: there is no such database, or its URL is no URL.
    """
    from orchestrator import database
    from orchestrator.health.doctor import Patient

    folder = find_project(given)
    asked = database_url(url)
    own = folder / LOCAL_FOLDER / "clm.db"
    if asked is None and not own.exists():
        raise EnvironmentFault(
            f"there is no database at {own} yet", help="clmctl import customers FILE makes one"
        )
    engine = database.open_engine(asked or database.default_url(folder), read_only=True)
    return Patient(engine, *_playbook_or_refusal(folder, variables), utcnow())


def _playbook_or_refusal(
    folder: Path, variables: Iterable[str] | None
) -> tuple[Playbook | None, str | None]:
    """Return the project's playbook, or the sentence that says why there is none."""
    try:
        return open_project(folder, variables).playbook, None
    except (PlaybookErrors, UsageError) as error:
        return None, str(error)


@dataclass(frozen=True)
class ExplainRequest:
    """What one explanation is asked about."""

    customer: str
    """External id."""
    flow: Flow
    now: datetime
    as_live_since: datetime | None = None
    """As in a preview: flows never yet live count as live since then, a draft too."""
    reveal: bool = False
    """Whether addresses and personal attributes are shown unmasked."""


def explain_customer(opened: OpenProject, engine: Engine, request: ExplainRequest) -> Explained:
    """Return why one customer does or does not enter a flow.

    Raises:
        NotFoundError: there is no such customer.
        UsageError: ``now`` is before the last tick.
        EnvironmentFault: the database refused.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.explain.entry import explaining
    from orchestrator.tick.run import TickPlan

    name = str(request.flow.flow)
    drafts = {name} if request.as_live_since and request.flow.status == "draft" else frozenset()
    plan = TickPlan(opened.playbook, request.now, request.as_live_since, drafts)
    with (
        database_faults(),
        explaining(engine, plan, request.flow, reveal=request.reveal) as explainer,
    ):
        return explainer.explain(request.customer)


def breaker(opened: OpenProject, name: str) -> str:
    """Return the name of a volume breaker: a flow's, or the project's for its own.

    Raises:
        UsageError: there is none of that name.
    """
    project = str(opened.playbook.project.project)
    if name not in opened.playbook.flows and name != project:
        flows = ", ".join(opened.playbook.flows) or "none"
        raise UsageError(
            f'there is no flow "{name}"',
            help=did_you_mean(name, (*opened.playbook.flows, project))
            + f'flows are: {flows}; "{project}" is the project, for its own breaker',
        )
    return name


def known_flow(project: Path, name: str) -> str:
    """Return the name of a flow that the project's files have, whatever errors are in them.

    Raises:
        UsageError: there is none of that name.
    """
    from orchestrator.playbook.draft import read_project
    from orchestrator.playbook.load import sound_parts

    flows = sound_parts(read_project(project, {})).flows
    if name not in flows:
        raise unknown("flow", name, flows)
    return name


def open_tasks(engine: Engine, done_since: datetime | None = None) -> list[TaskLine]:
    """Return the open tasks, and those done at or after an instant."""
    from orchestrator.database_faults import database_faults
    from orchestrator.tasks import tasks

    with database_faults(), engine.connect() as connection:
        return tasks(connection, done_since=done_since)


def finish_task(engine: Engine, number: int, at: datetime) -> bool:
    """Mark a task done; return whether it was open.

    Raises:
        NotFoundError: there is no such task.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.tasks import mark_done

    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        with connection.begin():
            return mark_done(connection, number, at)
