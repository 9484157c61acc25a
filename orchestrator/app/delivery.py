"""Sending: the worker of ``worker`` and ``start``, and what ``run`` sends right after its tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from orchestrator.app.beside import beside
from orchestrator.app.opening import OpenProject, unknown
from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault
from orchestrator.settings import database_url, find_project, read_variables

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.delivery.carrying import Carrying
    from orchestrator.delivery.manner import Level, Manner, Say
    from orchestrator.delivery.observer import Observer
    from orchestrator.delivery.outlet import Outlet
    from orchestrator.delivery.reopening import Reopening
    from orchestrator.delivery.worker import Worker
    from orchestrator.playbook.model import Playbook
    from orchestrator.scheduler.events import Tell
    from orchestrator.scheduler.files import PlaybookFiles
    from orchestrator.scheduler.planner import Planner
    from orchestrator.signing import Keys

FRESH_SECONDS = 5.0
"""How old a look at the project's files may be."""
ASKED_AGAIN = 1.0
"""Seconds until a database that is away is asked again which secret signs."""


@dataclass(frozen=True)
class WorkerRequest:
    """What a worker is asked to do."""

    channels: tuple[str, ...] = ()
    """Only these; none is all that the project has."""
    lanes: int = 1
    """How many side by side for each channel."""
    drains: bool = False
    """Whether it ends once nothing is left to send."""


@dataclass
class InForce:
    """The playbook in force, for lanes that ask many times a second."""

    files: PlaybookFiles
    engine: Engine
    tell: Tell
    _looked: float = float("-inf")
    _lock: Lock = field(default_factory=Lock)

    def __call__(self) -> Playbook:
        """Return the playbook that the files say, or the last good one."""
        with self._lock:
            known = self.files.playbook
            if known is None or monotonic() - self._looked > FRESH_SECONDS:
                known = self.files.current(self.engine, self.tell)
                self._looked = monotonic()
            return known


def worker(
    given: Path | None,
    url: str | None,
    variables: Iterable[str] | None,
    *,
    request: WorkerRequest,
    tell: Tell,
) -> Worker:
    """Return a worker of a project; its adapters are opened, its database is looked at.

    Raises:
        UsageError: there is no project, or it has no such channel.
        PlaybookErrors: the files do not load and there never was a release.
        EnvironmentFault: the database's schema is not this version's, or the secret that is here
            is not the one that it signs links with.
    """
    from orchestrator import database
    from orchestrator.database_clock import SKEW_STOPS
    from orchestrator.delivery.carrying import Carrying
    from orchestrator.delivery.manner import Manner, Until
    from orchestrator.delivery.metrics import Metrics
    from orchestrator.delivery.reopening import Reopening
    from orchestrator.delivery.signers import signing_keys
    from orchestrator.migrations.state import require_schema
    from orchestrator.scheduler.events import Voice
    from orchestrator.scheduler.files import PlaybookFiles

    folder = find_project(given)
    engine = database.open_engine(database_url(url) or database.default_url(folder))
    require_schema(engine, create=True)
    current = InForce(PlaybookFiles(folder, read_variables(variables or ())), engine, tell)
    say = Voice(tell).say
    carrying = Carrying(engine, folder, current, say)
    channels = known_channels(request.channels, carrying)
    reopening = Reopening(carrying, say, channels or None, request.lanes)
    until = Until.NOTHING_LEFT if request.drains else Until.STOPPED
    return _worker(
        _Place(engine, folder, current, signing_keys(engine, folder, utcnow())),
        _opened(reopening),
        Manner(clock=utcnow, until=until, skew_stops=SKEW_STOPS),
        reopen=None if request.drains else reopening.look,
        say=say,
        observer=Metrics(),
    )


@contextmanager
def sending_beside(planner: Planner, stop: Event, observer: Observer) -> Iterator[None]:
    """Send in threads of their own while a planner plans, once it has looked around.

    Raises:
        BaseException: whatever ended the sending; ``stop`` is set then.
    """

    def send() -> None:
        keys = _keys_beside(planner, stop)
        if keys is not None:
            _worker_beside(planner, keys, stop, observer).run()

    with beside(planner, stop, send):
        yield


def _keys_beside(planner: Planner, stop: Event) -> Keys | None:
    """Return the keys as soon as the database can be asked for them; None if told to stop before.

    Raises:
        SecretFault: the secret cannot be used, or is not the one of the database.
    """
    from orchestrator.delivery.signers import signing_keys
    from orchestrator.signing import SecretFault

    while not stop.is_set():
        try:
            return signing_keys(planner.engine, planner.files.folder, utcnow())
        except SecretFault:
            raise
        except EnvironmentFault:
            stop.wait(ASKED_AGAIN)
    return None


def _worker_beside(planner: Planner, keys: Keys, stop: Event, observer: Observer) -> Worker:
    from orchestrator.database_clock import SKEW_STOPS
    from orchestrator.delivery.carrying import Carrying
    from orchestrator.delivery.manner import Manner
    from orchestrator.delivery.reopening import Reopening

    def current() -> Playbook:
        return planner.files.playbook or planner.files.current(planner.engine, planner.voice.tell)

    folder, say = planner.files.folder, planner.voice.say
    reopening = Reopening(Carrying(planner.engine, folder, current, say), say)
    return _worker(
        _Place(planner.engine, folder, current, keys),
        _opened(reopening),
        Manner(clock=planner.clock, skew_stops=SKEW_STOPS if planner.clock is utcnow else None),
        reopen=reopening.look,
        stop=stop,
        say=say,
        observer=observer,
    )


@dataclass(frozen=True)
class _Place:
    """Where a worker works."""

    engine: Engine
    folder: Path
    """The project's."""
    current: Callable[[], Playbook]
    keys: Keys


def _opened(channels: Reopening) -> list[Outlet]:
    return [outlet for some in channels.look().values() for outlet in some]


def _worker(place: _Place, outlets: list[Outlet], manner: Manner, **more: Any) -> Worker:
    """Return a worker; it renders in processes of its own unless it is told of no pool.

    Args:
        more: what else the ``Worker`` is told.
    """
    from orchestrator.delivery.worker import Worker
    from orchestrator.render.apart.pool import Pool

    return Worker(
        engine=place.engine,
        outlets=outlets,
        current=place.current,
        keys=place.keys,
        kill_file=kill_file(place.folder),
        manner=manner,
        **{"pool": Pool(), **more},
    )


def drain(opened: OpenProject, engine: Engine, now: datetime, say: Say) -> None:
    """Send what is due at an instant, and come back; what must wait is left to a worker.

    Messages are rendered here, not apart: a preview of the same templates has just been, and
    a process more would take longer to start than most such queues to leave.

    Args:
        say: told what messages came to, and what keeps them from leaving.
    Raises:
        EnvironmentFault: the database failed, or the secret that is here is not the one that it
            signs links with.
    """
    from orchestrator.delivery.carrying import Carrying
    from orchestrator.delivery.claims import waiting_channels
    from orchestrator.delivery.manner import Manner, Until
    from orchestrator.delivery.reopening import Reopening
    from orchestrator.delivery.signers import signing_keys

    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        asked = waiting_channels(connection)
    if not asked:
        return
    keys = signing_keys(engine, opened.folder, now)
    place = _Place(engine, opened.folder, lambda: opened.playbook, keys)
    carrying = Carrying(engine, place.folder, place.current, say, lambda: now)
    found = _opened(Reopening(carrying, say, asked))
    if found:
        manner = Manner(clock=lambda: now, until=Until.NOTHING_DUE)
        _worker(place, found, manner, pool=None, say=say).run()


@dataclass
class Remarks:
    """What a drain said that a person should hear: all but that everything was sent."""

    sentences: list[str] = field(default_factory=list)

    def __call__(
        self,
        event: str,
        says: str,
        _level: Level = "info",
        facts: Mapping[str, Any] | None = None,
        /,
    ) -> None:
        """Hear one event."""
        if event != "dispatched":
            self.sentences.append(says)
        elif (facts or {})["states"].keys() != {"sent"}:
            self.sentences.append(f"{says} (clmctl outbox list says why)")


def known_channels(names: Iterable[str], carrying: Carrying) -> tuple[str, ...]:
    """Return the names of channels, all of which the project sets up, as far as that is known.

    Raises:
        UsageError: one is not among them.
    """
    from orchestrator.delivery.carrying import ChannelsUnknown

    try:
        carried = carrying() if names else {}
    except ChannelsUnknown:
        return tuple(names)
    for name in names:
        if name not in carried:
            raise unknown("channel", name, carried)
    return tuple(names)


def kill_file(folder: Path) -> Path:
    """Return the file whose presence stops everything from leaving."""
    from orchestrator.delivery.switch import KILL_FILE

    return folder / KILL_FILE
