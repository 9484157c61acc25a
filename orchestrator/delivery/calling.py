"""Calling the adapter about marked messages, each only if it still may begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import monotonic

from sqlalchemy import Connection

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, unknown
from orchestrator.delivery.book import Book
from orchestrator.delivery.ending import Ended
from orchestrator.delivery.line import Line
from orchestrator.delivery.making import Made
from orchestrator.delivery.observer import DEAF, Observer
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.stops import read_stops
from orchestrator.delivery.trust import Trust
from orchestrator.errors import EnvironmentFault

FRESH_SECONDS = 0.05
"""A look that is older is taken again before a call begins."""


@dataclass
class Caller:
    """Hands handfuls to one adapter."""

    outlet: Outlet
    reader: Line
    trust: Trust
    clock: Callable[[], datetime]
    may_go_on: Callable[[], bool]
    observer: Observer = DEAF
    _open: dict[str, Made] = field(default_factory=dict)
    """By key, what is marked and of which nothing was heard yet."""
    _begun: dict[str, float] = field(default_factory=dict)
    """By key, when a call began."""
    _barred: set[int] = field(default_factory=set)
    """Rows that a later look kept back."""
    _looked: float = 0.0
    _one_at_a_time: Lock = field(default_factory=Lock)

    def call(self, marked: Sequence[Made], book: Book) -> list[Ended]:
        """Send marked messages; return what came of each, in their order.

        Whatever an adapter raises is the fault of the one message it was at.
        """
        if not marked:
            return []
        self._open = {one.message.key: one for one in marked}
        self._begun, self._barred, self._looked = {}, set(), monotonic()
        self._book = book
        told: dict[str, Outcome | None] = {}
        broke = "the adapter told nothing of it"
        try:
            messages = [one.message for one in marked]
            for message, outcome in self.outlet.adapter.send_batch(messages, self._may_begin):
                told[message.key] = outcome
                self._open.pop(message.key, None)
                self._heard(message.key, outcome)
        except Exception as error:  # noqa: BLE001  # the queue goes on, whatever one message did
            broke = f"{type(error).__name__} in the adapter"
        return [Ended(one, self._outcome(one.message.key, told, broke)) for one in marked]

    def _outcome(self, key: str, told: dict[str, Outcome | None], broke: str) -> Outcome | None:
        """Return what came of one message; one that had begun is never taken for unsent."""
        outcome = told.get(key)
        return unknown(broke) if outcome is None and key in self._begun else outcome

    def _heard(self, key: str, outcome: Outcome | None) -> None:
        self.trust.move()
        if outcome is not None:
            took = monotonic() - self._begun.get(key, monotonic())
            self.observer.called(self.outlet.channel, self.outlet.provider, outcome.kind, took)

    def _may_begin(self, message: OutgoingMessage) -> bool:
        """Return whether a call may begin now; adapters may ask from several threads.

        One that asks again has not begun yet, and the latest answer counts.
        """
        with self._one_at_a_time:
            one = self._open.get(message.key)
            if one is None or not self._goes(one):
                self._begun.pop(message.key, None)
                return False
            self._begun[message.key] = monotonic()
            self.trust.move()
            return True

    def _goes(self, one: Made) -> bool:
        return self.may_go_on() and self._is_free(one) and self.trust.holds()

    def _is_free(self, one: Made) -> bool:
        """Return whether nothing has come between since the message was marked."""
        if monotonic() - self._looked >= FRESH_SECONDS:
            asked = list(self._open.values())
            began = monotonic()
            try:
                self._barred = self.reader.read(lambda connection: self._look(connection, asked))
            except EnvironmentFault:
                return False
            self._looked = began
        return one.order.id not in self._barred

    def _look(self, connection: Connection, asked: Sequence[Made]) -> set[int]:
        stops = read_stops(connection, self._book.playbook)
        leaving = [one.leaving for one in asked]
        return set(self._book.guard.look(connection, leaving, stops, self.clock()))
