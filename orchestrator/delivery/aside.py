"""Questions to adapters beside sending: each ends in its time, whatever the adapter does.

An adapter that does not come back is left behind with the thread that asked it. Another one is
made for the next question, a while later.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread
from time import monotonic
from typing import Generic, TypeVar

from orchestrator.channels.base import Channel
from orchestrator.delivery.outlet import shut
from orchestrator.forks import end_child

T = TypeVar("T")
MOST_LEFT = 10
"""Threads of one channel that have not come back; with so many nothing more is asked."""


class Hangs(Exception):
    """The adapter has not answered in time."""


class NotAsked(Hangs):
    """It did not answer the latest question, or still is busy: it is left alone for a while."""


@dataclass
class Aside:
    """What is asked about one channel, one question at a time."""

    make: Callable[[], Channel]
    """Returns a new adapter: none that sends as well, for it may be lost here."""
    seconds: float
    """In which a question is answered."""
    pause: float
    """Seconds in which nothing is asked after one that was not."""
    _adapter: Channel | None = None
    _left: list[Thread] = field(default_factory=list)
    _again_at: float = float("-inf")
    _turn: Lock = field(default_factory=Lock)

    def ask(self, question: Callable[[Channel], T]) -> T:
        """Return the answer.

        Raises:
            Hangs: it did not come in time.
            EnvironmentFault: no adapter can be made.
            Exception: what the adapter raised.
        """
        if not self._turn.acquire(timeout=self.seconds):
            raise NotAsked
        try:
            return self._ask(question)
        finally:
            self._turn.release()

    def _ask(self, question: Callable[[Channel], T]) -> T:
        self._left = [one for one in self._left if one.is_alive()]
        if monotonic() < self._again_at or len(self._left) >= MOST_LEFT:
            raise NotAsked
        if self._adapter is None:
            self._adapter = self.make()
        asking = _Asking(question, self._adapter)
        asking.start()
        asking.join(self.seconds)
        if asking.is_alive():
            self._adapter, self._again_at = None, monotonic() + self.pause
            self._left.append(asking)
            raise Hangs
        return asking.answer()

    def close(self) -> None:
        """Let go of the adapter; one that does not come back from that is left behind."""
        adapter, self._adapter = self._adapter, None
        if adapter is not None:
            shut(adapter)


class _Asking(Thread, Generic[T]):
    """One question under way."""

    def __init__(self, question: Callable[[Channel], T], adapter: Channel) -> None:
        super().__init__(name=f"asks {type(adapter).name}", daemon=True)
        self._question, self._adapter = question, adapter
        self._answers: list[T] = []
        self._failure: Exception | None = None

    def run(self) -> None:
        parent = os.getpid()
        try:
            self._answers.append(self._question(self._adapter))
        except Exception as error:  # noqa: BLE001  # raised again by who waits
            self._failure = error
        except BaseException as error:  # noqa: BLE001  # nothing that ends a process
            self._failure = RuntimeError(f"{type(error).__name__} in the adapter")
        finally:
            end_child(parent, f'the adapter "{type(self._adapter).name}"')

    def answer(self) -> T:
        if self._failure is not None:
            raise self._failure
        return self._answers[0]
