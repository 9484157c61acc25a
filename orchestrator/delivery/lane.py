"""A lane: claims messages of one channel, makes them, marks them, calls, and writes the end.

Each of these is a transaction or has none; nothing is open while a provider is called. The end
of one handful and the marks of the next share a commit, so that durability costs one flush for
so many messages, and never more than a handful is at the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from math import inf
from random import Random
from threading import Event
from time import monotonic
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from orchestrator.channels.outcome import unknown
from orchestrator.channels.spec import WEBHOOK
from orchestrator.delivery.book import Book, Shelf
from orchestrator.delivery.breakers import Noted, admitted, is_shut, note
from orchestrator.delivery.buckets import fullest
from orchestrator.delivery.calling import Caller
from orchestrator.delivery.claims import Claims, Lease, cancel, extend, give_back, is_due, let_go
from orchestrator.delivery.ending import Ender
from orchestrator.delivery.line import Line
from orchestrator.delivery.loading import Order, load
from orchestrator.delivery.making import Made, Maker, Spoilt
from orchestrator.delivery.marking import Marker
from orchestrator.delivery.observer import DEAF, Observer
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.policy import LOST
from orchestrator.delivery.stops import read_stops
from orchestrator.delivery.trust import Trust
from orchestrator.delivery.unwritten import Unwritten
from orchestrator.errors import EnvironmentFault

MOST = 256
"""Messages claimed at once."""
LONGEST_MAKING = 10.0
"""Seconds after which the rest of a batch goes back: only messages that kill what renders them
take so long, and others wait."""


class Batch(NamedTuple):
    """What was claimed at once."""

    orders: list[Order]
    book: Book


@dataclass
class Lane:
    """One worker's hand on one channel. For one thread, but for ``beat``."""

    outlet: Outlet
    line: Line
    reader: Line
    """For reading; the same line where that does not keep others from writing."""
    shelf: Shelf
    lease: Lease
    clock: Callable[[], datetime]
    may_send: Callable[[], bool]
    """Says whether the kill switch lets messages leave."""
    stop: Event
    """Set when nothing more is to be claimed."""
    chance: Random = field(default_factory=Random)
    observer: Observer = DEAF
    sent: int = 0
    """How many calls have ended."""
    is_relieved: bool = False
    """Whether another lane is in its place: it ends as soon as its adapter lets it."""
    rest: float = inf
    """Seconds until there is a token for what is due; infinite where none is missing."""
    _most: int = 1
    """How many are claimed next: few after a start, so that a message that brings workers down
    is soon alone with one."""

    def __post_init__(self) -> None:
        self.trust = Trust(self.lease.span, self.outlet.adapter.capabilities.timeout)
        self._claims = Claims(self.outlet.channel, self.lease)
        self._marker = Marker(self.lease, self.outlet)
        ender = Ender(self.lease, self.outlet, self.chance, self._zone, self.observer)
        self._results = Unwritten(self.line, ender, self.clock)
        self._caller = Caller(
            self.outlet, self.reader, self.trust, self.clock, self._may_go_on, self.observer
        )

    @property
    def came_to(self) -> Counter[str]:
        """State → messages that came to it; ``queued`` are those that are tried again."""
        return self._results.ender.came_to

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.shelf.current().project.timezone)

    def turn(self) -> int:
        """Claim some messages and see them through; return how many there were.

        Raises:
            EnvironmentFault: the database failed. What calls came to is written all the same,
                as soon as it can be; calls are never made again for that.
        """
        try:
            return self._turn()
        except EnvironmentFault:
            self._write_at_last()
            raise

    def has_due(self) -> bool:
        """Return whether anything could be claimed now."""

        def ask(connection: Connection) -> bool:
            stops = read_stops(connection, self.shelf.book(connection).playbook)
            return (
                is_due(connection, self.outlet.channel, stops, self.clock())
                and not is_shut(connection, self.outlet.provider, self.lease.token)
                and self._tokens(connection) >= 1
            )

        self.rest = inf
        return self.may_send() and self.reader.read(ask)

    def _tokens(self, connection: Connection) -> float:
        """Return for how many messages the pace leaves room now; notes when it will for one."""
        if self.outlet.pace is None:
            return MOST
        tokens = fullest(connection, self.outlet.channel, self.outlet.provider, self.outlet.pace)
        self.rest = (1 - tokens) / self.outlet.pace.per_second if tokens < 1 else inf
        return tokens

    def hangs(self) -> bool:
        """Return whether its adapter does not come back."""
        return self._caller.hangs()

    def relieve(self) -> None:
        """End as soon as the adapter lets it; another one takes its place, if the provider lives.

        Raises:
            EnvironmentFault: the database failed; nothing was noted of the provider.
        """
        self.is_relieved = True
        failure = Noted("", unknown("a call does not end"))
        self.line.write(lambda connection: note(connection, self.outlet.provider, [failure]))

    def beat(self) -> None:
        """Give a sign of life for what this lane has; from another thread, while it works."""
        if self.trust.wants_a_beat():
            began = monotonic()
            self.line.write(lambda connection: extend(connection, self.lease), durable=False)
            self.trust.renew(began)

    # --- one turn -------------------------------------------------------------------------

    def _turn(self) -> int:
        batch = self._claim()
        if batch is None:
            return 0
        made = self._make(batch)
        ready = [one for one in made if isinstance(one, Made)]
        spoilt = [one for one in made if isinstance(one, Spoilt)]
        while ready and self._may_go_on():
            handful = self._handful(ready)
            marked, unfit = self._marked(handful, spoilt, batch.book)
            ready, spoilt = ready[len(handful) :], unfit
            ended = self._caller.call(marked, batch.book)
            self._results.add(ended)
            self.sent += sum(one.outcome is not None for one in ended)
        held = {one.order.id for one in made} - {one.order.id for one in ready}
        self._finish(spoilt, [order.id for order in batch.orders if order.id not in held])
        self._most = min(MOST, self._most * 2)
        return len(batch.orders)

    def _handful(self, ready: Sequence[Made]) -> Sequence[Made]:
        """Return what goes next; what a worker was lost with goes alone, so that it shows."""
        if ready[0].order.error == LOST:
            return ready[:1]
        some = takewhile(lambda one: one.order.error != LOST, ready[: self.outlet.at_once])
        return list(some)

    def _may_go_on(self) -> bool:
        return not (self.stop.is_set() or self.is_relieved) and self.may_send()

    def _claim(self) -> Batch | None:
        if not self._may_go_on() or not self.has_due():
            return None
        book = self.reader.read(self.shelf.book)
        self._get_ready(book)
        self.trust.begin()
        rows = self.line.write(lambda connection: self._take(connection, book), durable=False)
        if not rows:
            self.trust.end()
            return None
        self.observer.claimed(self.outlet.channel, len(rows))
        orders = self.reader.read(lambda connection: load(connection, rows))
        gone = set(rows) - {order.id for order in orders}
        if gone:
            self.line.write(lambda one: cancel(one, self.lease, gone, self.clock()))
        return Batch(orders, self.reader.read(lambda one: self.shelf.book(one, orders)))

    def _get_ready(self, book: Book) -> None:
        """Have what renders at hand before anything is claimed.

        To start it takes longest of all, and a worker that is killed meanwhile has no message
        in hand that could be thought to have done it.
        """
        if book.desk is not None and self.outlet.channel != WEBHOOK:
            book.desk.stand_by()

    def _take(self, connection: Connection, book: Book) -> list[int]:
        stops = read_stops(connection, book.playbook)
        most = min(self._most, int(self._tokens(connection)))
        admits = admitted(connection, self.outlet.provider, self.lease.token)
        if admits is None:
            return self._claims.take(connection, most, stops, self.clock())
        if min(most, admits) < 1:
            return []
        return self._claims.probe(connection, stops, self.clock())

    def _make(self, batch: Batch) -> list[Made | Spoilt]:
        until = monotonic() + LONGEST_MAKING

        def may_go_on() -> bool:
            self.trust.move()
            return monotonic() < until and not self.stop.is_set()

        return self.reader.read(
            lambda one: Maker(one, batch.book, self.clock(), may_go_on).make(batch.orders)
        )

    def _marked(
        self, made: Sequence[Made], spoilt: Sequence[Spoilt], book: Book
    ) -> tuple[list[Made], list[Spoilt]]:
        """Mark a handful; one message that cannot be looked at is spoilt alone."""
        try:
            return self._mark(made, spoilt, book), []
        except EnvironmentFault:
            raise
        except Exception as error:  # noqa: BLE001  # whose fault it is shows one by one
            if len(made) == 1:
                return [], [*spoilt, Spoilt(made[0].order, f"internal: {type(error).__name__}")]
        marked, unfit = [], list(spoilt)
        for one in made:
            more, unfit = self._marked([one], unfit, book)
            marked += more
        return marked, unfit

    def _mark(self, made: Sequence[Made], spoilt: Sequence[Spoilt], book: Book) -> list[Made]:
        """Write the last end and mark what comes next, durably."""

        def work(connection: Connection, now: datetime) -> list[Made]:
            self._results.ender.write_spoilt(connection, spoilt, now)
            return self._marker.mark(connection, made, book, now)

        return self._results.written_with(work)

    def _finish(self, spoilt: Sequence[Spoilt], left: Sequence[int]) -> None:
        """Write the last end of a turn, and give back what was not begun."""

        def work(connection: Connection, now: datetime) -> None:
            self._results.ender.write_spoilt(connection, spoilt, now)
            give_back(connection, self.lease, left, now)

        self._results.written_with(work)
        self.trust.end()

    def _write_at_last(self) -> None:
        """Write what calls came to, however often that takes, and let go of all the rest.

        Raises:
            EnvironmentFault: all is to stop, and the database goes on failing.
        """
        self.trust.end()
        self._most = 1
        self._results.written_at_last(
            lambda connection, now: let_go(connection, self.lease, now), self.stop
        )
