"""The sender's end of one process that renders."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from weakref import finalize

from orchestrator.records.sends import Send
from orchestrator.render.apart.limited import MESSAGE_SECONDS, PATIENCE, PLAN_SECONDS
from orchestrator.render.apart.wire import LARGEST_READ, Frames, Result, understood, work

SILENCE_SECONDS = PATIENCE * (PLAN_SECONDS + 2 * MESSAGE_SECONDS)
"""After which a process that tells nothing is lost: its own alarm should have ended it before."""


class Lost(Exception):
    """A process that rendered is gone, or as good as gone."""

    def __init__(self, *, is_silent: bool = False) -> None:
        super().__init__()
        self.is_silent = is_silent


class Hand:
    """The sender's end of one process that renders."""

    id: int

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.out = 0
        """Sends that it has and did not answer."""
        connection.setblocking(False)
        finalize(self, connection.close)  # by that the process knows that nobody wants it
        self._poll = select.poll()
        self._frames = Frames()
        self._going = bytearray()
        self._is_raving = False

    def is_over(self) -> bool:
        """Return whether a process that has nothing to tell is gone, or tells something."""
        self._poll.register(self.connection, select.POLLIN)
        return bool(self._poll.poll(0))

    def give(self, sends: Sequence[Send]) -> None:
        """Hand sends over; what does not fit yet goes while results are awaited."""
        self._going += work(sends)
        self.out += len(sends)
        self._push()

    def take(self) -> list[Result]:
        """Wait for results and return all that are there: of the oldest sends, in order.

        Raises:
            Lost: there will be none.
        """
        while not (found := self._understood()):
            self._wait()
        self.out -= len(found)
        return found

    def _understood(self) -> list[Result]:
        """Return what was told; what comes before nonsense counts, and nothing after it."""
        found: list[Result] = []
        try:
            while not self._is_raving and (frame := self._frames.next()) is not None:
                if len(found) == self.out:
                    raise ValueError("it answers what nobody asked")
                found.append(understood(frame))
        except (ValueError, RecursionError):
            self._is_raving = True
        if self._is_raving and not found:
            raise Lost
        return found

    def _wait(self) -> None:
        events = select.POLLIN | (select.POLLOUT if self._going else 0)
        self._poll.register(self.connection, events)
        if not self._poll.poll(SILENCE_SECONDS * 1000):
            raise Lost(is_silent=True)
        self._push()
        try:
            octets = self.connection.recv(LARGEST_READ)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            raise Lost
        self._frames.add(octets)

    def _push(self) -> None:
        """Send what goes; that nobody is there is found by reading, after the last result."""
        try:
            while self._going:
                del self._going[: self.connection.send(self._going)]
        except BlockingIOError:
            return
        except OSError:
            self._going.clear()
