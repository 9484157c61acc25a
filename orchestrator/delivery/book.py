"""What messages are made by: the playbook in force, and flows as earlier releases had them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from orchestrator.channels.message import Sender
from orchestrator.delivery.guards import Guard
from orchestrator.delivery.links import Links, links_of
from orchestrator.delivery.loading import Order
from orchestrator.delivery.terms import TermsOf
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.senders import sender_of
from orchestrator.render.apart.pool import Desk, Pool
from orchestrator.render.renderer import Renderer
from orchestrator.signing import Keys
from orchestrator.tick.past import Past


@dataclass(frozen=True)
class Book:
    """One playbook, with all that is worked out from it once. For one thread."""

    playbook: Playbook
    keys: Keys
    pool: Pool | None = None
    """The processes that render; None renders here."""
    _senders: dict[str, Sender | None] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The project's name."""
        return str(self.playbook.project.project)

    def sender(self, message: str) -> Sender | None:
        """Return whom a message comes from."""
        if message not in self._senders:
            self._senders[message] = sender_of(self.playbook, message)
        return self._senders[message]

    @cached_property
    def renderer(self) -> Renderer:
        """What renders its messages."""
        return Renderer(self.playbook)

    @cached_property
    def desk(self) -> Desk | None:
        """What renders them apart, if anything does."""
        return self.pool.desk(self.playbook) if self.pool else None

    @cached_property
    def terms(self) -> TermsOf:
        """What its messages must still meet just before they leave."""
        return TermsOf(self.playbook)

    @cached_property
    def guard(self) -> Guard:
        """What looks at them then."""
        return Guard(self.terms, ZoneInfo(self.playbook.project.timezone))

    @cached_property
    def links(self) -> Links:
        """What makes their links."""
        return links_of(self.playbook, self.keys)


@dataclass
class Shelf:
    """Keeps the book in force, and adds the past that queued messages were decided by."""

    current: Callable[[], Playbook]
    """Returns the playbook in force."""
    keys: Keys
    pool: Pool | None = None
    """The processes that render; None renders here."""
    _book: Book | None = None
    _in_force: Playbook | None = None
    _past: set[tuple[str, str]] = field(default_factory=set)
    """(release, flow) that were looked up."""

    def book(self, connection: Connection, orders: Sequence[Order] = ()) -> Book:
        """Return the book that some orders can be made by."""
        playbook = self.current()
        if self._book is None or playbook is not self._in_force:
            self._in_force, self._book = playbook, Book(playbook, self.keys, self.pool)
            self._past.clear()
        asked = {
            (order.release, order.decided.flow)
            for order in orders
            if order.release != playbook.fingerprint
        }
        if not asked <= self._past:
            self._book = self._with(connection, self._book, asked - self._past)
            self._past |= asked
        return self._book

    def _with(self, connection: Connection, book: Book, asked: set[tuple[str, str]]) -> Book:
        past = Past(connection)
        found = (past.flow(release, flow) for release, flow in sorted(asked))
        earlier = tuple(flow for flow in found if flow is not None)
        if not earlier:
            return book
        playbook = book.playbook
        known = replace(playbook, earlier=(*playbook.earlier, *earlier))
        return Book(known, self.keys, self.pool)
