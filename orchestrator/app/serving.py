"""Answering from outside: ``serve``, and what ``start`` and ``worker`` do of it beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from orchestrator.app.delivery import InForce, kill_file
from orchestrator.app.opening import open_database
from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault
from orchestrator.settings import find_project, read_variables

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.delivery.manner import Say
    from orchestrator.delivery.metrics import Metrics
    from orchestrator.delivery.worker import Worker
    from orchestrator.playbook.model import Playbook
    from orchestrator.scheduler.events import Happened, Tell
    from orchestrator.scheduler.planner import Planner
    from orchestrator.scheduler.waking import Stop
    from orchestrator.server.running import Listener, Running
    from orchestrator.server.site import Site

PUBLIC, OWN = "127.0.0.1:8020", "127.0.0.1:9464"
"""Where links and callbacks are answered, and where figures, unless something else is said."""
OFF = "off"
NEXT_PORTS = 20
"""How many ports after the usual one are tried for figures: each process has its own."""
LOOK_EVERY = timedelta(seconds=5)
LATE_AFTER = timedelta(minutes=1)
KEEPER = "keeper"
"""The loop of a worker that looks after the others."""


@dataclass(frozen=True)
class ServeRequest:
    """Where to answer; None is the usual place, ``off`` nowhere."""

    public: str | None = None
    """Links and callbacks."""
    own: str | None = None
    """Figures and the whole of health."""


@dataclass
class Answering:
    """A project whose links, callbacks and figures are answered."""

    folder: Path
    engine: Engine
    current: Callable[[], Playbook]
    say: Say
    request: ServeRequest
    metrics: Metrics
    is_beside: bool = False
    """Whether it answers beside a planner, which tells what becomes of files and channels."""
    _listeners: list[Listener] = field(default_factory=list)

    def site(self) -> Site:
        """Return what the public routes share; the keys are asked for by the first link."""
        from orchestrator.delivery.signers import signing_keys
        from orchestrator.server.site import Site

        return Site(
            self.engine,
            self.folder,
            cache(lambda: signing_keys(self.engine, self.folder, utcnow())),
            self.current,
            utcnow,
            self.say,
            self.metrics,
            is_beside=self.is_beside,
        )

    def listen_outside(self, site: Site) -> None:
        """Take the public address; a usual one that somebody else has is told of and left.

        Raises:
            EnvironmentFault: one that was asked for cannot be had.
        """
        from orchestrator.server.app import public_application
        from orchestrator.server.running import address_from, listen

        asked = self.request.public
        address = address_from(asked or PUBLIC, option="the address")
        try:
            listener = listen(public_application(site, self.metrics), address)
        except EnvironmentFault as fault:
            if asked is not None:
                raise
            says = (
                f"links and callbacks are not answered here: {fault}. If another clmctl answers "
                "there, say --serve off; if none does, --serve HOST:PORT"
            )
            self.say("not_served", says, "warning", {"address": str(address)})
            return
        self._take("links and callbacks", listener)

    def listen_inside(self) -> None:
        """Take the address of figures; without a word the usual port or one of the next.

        Raises:
            EnvironmentFault: one that was asked for cannot be had.
        """
        from orchestrator.server.app import own_application
        from orchestrator.server.running import Address, address_from, listen
        from orchestrator.server.standing import Standing

        asked = self.request.own
        if asked == OFF:
            return
        registry = self.metrics.registry
        application = own_application(self.metrics, registry)
        address = address_from(asked or OWN, option="--metrics")
        tried = range(address.port, address.port + (1 if asked else NEXT_PORTS))
        for port in tried:
            try:
                listener = listen(application, Address(address.host, port))
            except EnvironmentFault:
                if port == tried[-1]:
                    raise
                continue
            registry.register(Standing(self.engine, self.metrics, kill_file(self.folder), utcnow))
            self._take("figures", listener)
            return

    def _take(self, what: str, listener: Listener) -> None:
        self._listeners.append(listener)
        facts = {"what": what, "address": str(listener.address)}
        self.say("serves", f"{what} are answered at {listener.url}", "info", facts)
        if not listener.address.is_loopback:
            says = "this address is reached from other machines: put a proxy with TLS before it"
            self.say("serves_openly", says, "warning", facts)

    @contextmanager
    def answering(self, ended: Event) -> Iterator[Running]:
        """Answer at all addresses that were taken, for as long as the context lasts.

        Args:
            ended: set if it ends by itself.
        Raises:
            BaseException: what made it end by itself.
        """
        from orchestrator.server.running import Running

        running = Running(self._listeners, ended)
        running.start()
        try:
            yield running
        finally:
            running.stop()


def serve(
    given: Path | None,
    url: str | None,
    variables: Iterable[str] | None,
    *,
    request: ServeRequest,
    tell: Tell,
) -> int | None:
    """Answer until a signal; returns which.

    Raises:
        UsageError: there is no project, or an address is not understood.
        PlaybookErrors: the files do not load and there never was a release.
        EnvironmentFault: an address is taken, a secret is missing or not the one that links are
            signed with, or the database's schema is not this version's.
    """
    from orchestrator.delivery.metrics import Metrics
    from orchestrator.scheduler.events import Voice
    from orchestrator.scheduler.files import PlaybookFiles
    from orchestrator.scheduler.waking import stopped_by_signals  # costs APScheduler

    folder = find_project(given)
    engine = open_database(folder, url, create=True)
    files = PlaybookFiles(folder, read_variables(variables or ()))
    current = InForce(files, engine, tell)
    place = Answering(folder, engine, current, Voice(tell).say, request, Metrics())
    with closing(place.site()) as site, stopped_by_signals() as stop:
        site.keys()
        site.open_readers()
        place.listen_outside(site)
        place.listen_inside()
        with place.answering(stop.asked) as running:
            _look_after(place, running, stop)
        place.say("stopped", "stopped; the answers under way were finished", "info", {})
        return stop.signal


def _look_after(place: Answering, running: Running, stop: Stop) -> None:
    """Look now and then whether the database and the files are there; health tells."""
    from orchestrator.database_clock import database_now
    from orchestrator.database_faults import database_faults

    place.metrics.expects("serve", LATE_AFTER)
    while running.is_alive():
        try:
            with database_faults(), place.engine.connect() as connection:
                connection.execution_options(sqlite_begin="DEFERRED")
                database_now(connection)
            place.current()
            place.metrics.looped("serve")
        except EnvironmentFault as fault:
            place.say("failed", f"tries again: {fault}", "error", {"reason": str(fault)})
        if stop.asked.wait(LOOK_EVERY.total_seconds()):
            return


@contextmanager
def answering_beside(place: Answering, stop: Event) -> Iterator[Metrics]:
    """Answer while something else goes on, which tells the metrics what it does.

    The playbooks need not load yet, nor the database be there: that is told who asks.

    Args:
        stop: set if answering ends by itself, so that all the rest ends too.

    Raises:
        EnvironmentFault: an address that was asked for cannot be had.
    """
    with ExitStack() as until_ended:
        if place.request.public != OFF:
            place.listen_outside(until_ended.enter_context(closing(place.site())))
        place.listen_inside()
        with place.answering(stop):
            yield place.metrics


def beside_planner(planner: Planner, request: ServeRequest) -> Answering:
    """Return what answers beside a planner; it reads the playbooks for itself."""
    from orchestrator.delivery.metrics import Metrics
    from orchestrator.scheduler.files import PlaybookFiles

    folder, engine = planner.files.folder, planner.engine
    files = PlaybookFiles(folder, planner.files.variables)
    current = InForce(files, engine, _unheard)
    return Answering(folder, engine, current, planner.voice.say, request, Metrics(), is_beside=True)


def _unheard(happened: Happened) -> None:
    """Tell nothing: the planner beside tells of the same files."""


def run_worker(worker: Worker, given: Path | None, figures: str | None) -> int | None:
    """Let a worker work and tell its figures; returns the signal that ended it.

    Args:
        figures: where, as ``ServeRequest.own``.
    Raises:
        EnvironmentFault: the address cannot be had, or the file beside a SQLite database not
            be locked.
    """
    from orchestrator.delivery.metrics import Metrics
    from orchestrator.scheduler.waking import stopped_by_signals  # costs APScheduler

    folder, request = find_project(given), ServeRequest(OFF, figures)
    assert isinstance(worker.observer, Metrics)
    place = Answering(folder, worker.engine, worker.current, worker.say, request, worker.observer)
    with stopped_by_signals() as stop, answering_beside(place, stop.asked) as metrics:
        metrics.expects(KEEPER, LATE_AFTER)
        worker.stop = stop.asked
        worker.run()
        if stop.signal is not None:
            worker.say("stopped", "stopped; the calls under way were finished", "info", {})
        return stop.signal
