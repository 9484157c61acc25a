"""What calls came to and no transaction has kept yet: nothing of it may be lost, or be sent again.

It is written with whatever a lane writes next. A result that cannot be written costs its own
message, which comes into doubt, and no other; a database that fails is tried again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from threading import Event
from time import monotonic, sleep
from typing import TypeVar

from sqlalchemy import Connection

from orchestrator.channels.outcome import unknown
from orchestrator.delivery.ending import Ended, Ender
from orchestrator.delivery.line import Line
from orchestrator.errors import EnvironmentFault

T = TypeVar("T")
Work = Callable[[Connection, datetime], T]
"""Writes something at an instant."""
LONGEST_PAUSE = 10.0
"""Seconds at most between two tries while the database fails."""
LAST_TRIES = 30.0
"""Seconds after a stop in which results are still tried to be written: what is not by then is a
doubt for who rescues it."""


@dataclass
class Unwritten:
    """The results of one lane that are not written yet. For one thread."""

    line: Line
    ender: Ender
    clock: Callable[[], datetime]
    _results: list[Ended] = field(default_factory=list)

    def add(self, results: Sequence[Ended]) -> None:
        """Take up what calls came to."""
        self._results += results

    def written_with(self, work: Work[T]) -> T:
        """Write the results, and do work in the same transaction; return what it returns.

        Raises:
            EnvironmentFault: the database failed; the results are still there.
        """

        def all_of_it(connection: Connection) -> T:
            now = self.clock()
            self.ender.write(connection, self._results, now)
            return work(connection, now)

        try:
            done = self.line.write(all_of_it)
        except EnvironmentFault:
            raise
        except Exception:
            if not self._results:
                raise
            self._write_each()
            done = self.line.write(all_of_it)
        self._results.clear()
        return done

    def written_at_last(self, work: Work[None], stop: Event) -> None:
        """Do the same, however often that takes.

        Args:
            stop: set when all is to stop.
        Raises:
            EnvironmentFault: all is to stop, and the database fails for ``LAST_TRIES`` more.
        """
        pause, until = 0.1, inf
        while True:
            try:
                return self.written_with(work)
            except EnvironmentFault:
                if stop.is_set():
                    until = min(until, monotonic() + LAST_TRIES)
                if monotonic() + pause > until:
                    raise
                (sleep if stop.is_set() else stop.wait)(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    def _write_each(self) -> None:
        while self._results:
            one = self._results[0]
            try:
                self._write(one)
            except EnvironmentFault:
                raise
            except Exception as error:  # noqa: BLE001  # it costs this message, and no other
                self._write(one._replace(outcome=unknown(f"internal: {type(error).__name__}")))
            del self._results[0]

    def _write(self, one: Ended) -> None:
        self.line.write(lambda connection: self.ender.write(connection, [one], self.clock()))
