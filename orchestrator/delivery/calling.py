"""Calling the adapter about marked messages, each only if it still may begin."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from threading import Lock
from time import monotonic

from sqlalchemy import Connection

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, unknown
from orchestrator.delivery.book import Book
from orchestrator.delivery.ending import Ended
from orchestrator.delivery.hearing import agreed, heard
from orchestrator.delivery.line import Line
from orchestrator.delivery.making import Made
from orchestrator.delivery.observer import DEAF, Observer
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.stops import read_stops
from orchestrator.delivery.trust import Trust
from orchestrator.errors import EnvironmentFault
from orchestrator.forks import end_child

_MOST_ANSWERS = 4
"""For each message of a handful; an adapter that goes on telling would never come to its end."""
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
    _has_asked: bool = False
    """Whether the adapter has asked about any message of the handful."""
    _barred: set[int] = field(default_factory=set)
    """Rows that a later look kept back."""
    _looked: float = 0.0
    _parent: int = 0
    """The id of the process in which the adapter was called."""
    _entered: float | None = None
    """Since when the adapter has had its way; None while it has not."""
    _one_at_a_time: Lock = field(default_factory=Lock)

    def call(self, marked: Sequence[Made], book: Book) -> list[Ended]:
        """Send marked messages; return what came of each, in their order.

        Whatever an adapter raises is the fault of the one message it was at.
        """
        if not marked:
            return []
        self._open = {one.message.key: one for one in marked}
        self._begun, self._barred, self._looked = {}, set(), monotonic()
        self._has_asked, self._parent = False, os.getpid()
        self._book = book
        told: dict[str, Outcome | None] = {}
        broke = "the adapter told nothing of it"
        messages = [copy(one.message) for one in marked]  # whatever becomes of them there
        own = {id(copied): one.message for copied, one in zip(messages, marked, strict=True)}
        self._entered = monotonic()
        try:
            answers = self.outlet.adapter.send_batch(messages, self._may_begin)
            for about, said in islice(answers, _MOST_ANSWERS * len(messages)):
                self._require_parent()
                message = own.get(id(about), about)
                outcome = (
                    None
                    if said is None and message.key not in self._begun
                    else heard(said, message, self.outlet.adapter)
                )
                self._note(message.key, outcome, told)
                self._entered = monotonic()
        except BaseException as error:  # noqa: BLE001  # whatever one message did, the queue goes on
            broke = f"{type(error).__name__} in the adapter"
        finally:
            self._require_parent()
            self._entered = None
        return [Ended(one, self._outcome(one.message.key, told, broke)) for one in marked]

    def hangs(self) -> bool:
        """Return whether the adapter is silent for so long that its messages are lost to it."""
        entered, longest = self._entered, self.outlet.longest_silence.total_seconds()
        return entered is not None and monotonic() - entered > longest

    def _require_parent(self) -> None:
        """End this process if the adapter has forked it: its parent has all it has in hand."""
        end_child(self._parent, f'the adapter "{self.outlet.provider}"')

    def _note(self, key: str, outcome: Outcome | None, told: dict[str, Outcome | None]) -> None:
        """Note what was told of a message; of two different answers, that nobody knows."""
        told[key] = agreed(told[key], outcome) if key in told else outcome
        self._open.pop(key, None)
        self._heard(key, outcome)

    def _outcome(self, key: str, told: dict[str, Outcome | None], broke: str) -> Outcome | None:
        """Return what came of one message; one that may have left is never taken for unsent.

        An adapter that has asked about no message at all does not ask: whatever it is silent
        about may have left.
        """
        outcome = told.get(key)
        may_have_left = key in self._begun or not self._has_asked
        return unknown(broke) if outcome is None and may_have_left else outcome

    def _heard(self, key: str, outcome: Outcome | None) -> None:
        self.trust.move()
        if outcome is not None:
            took = monotonic() - self._begun.get(key, monotonic())
            self.observer.called(self.outlet.channel, self.outlet.provider, outcome.kind, took)

    def _may_begin(self, message: OutgoingMessage) -> bool:
        """Return whether a call may begin now; adapters may ask from several threads.

        One that asks again has not begun yet, and the latest answer counts.
        """
        self._require_parent()
        with self._one_at_a_time:
            self._has_asked, self._entered = True, None
            try:
                return self._may_now(message)
            finally:
                self._entered = monotonic()

    def _may_now(self, message: OutgoingMessage) -> bool:
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
