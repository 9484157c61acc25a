"""Every call of an adapter ends in its time, and in the process that made it.

A fact of the suite runs in a thread of its own. If a call inside it does not return, the fact is
given up, the thread is left behind, and the suite goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from select import select
from threading import Thread, current_thread
from time import monotonic
from typing import NamedTuple

from orchestrator.packages import said

PATIENCE_SECONDS = 10.0
"""How long after the end of its time a call is still waited for."""
MOST_HANGING = 3
"""Calls that may hang before nothing more is tried."""
_LOOK_SECONDS = 0.1
_WORDS_OF_CHILD = 0.2
"""Seconds at the end in which a child that was forked is waited for."""
FORKED = (
    "a call forks, and its child comes back from it too: it would go on with the queue beside its "
    "parent and send everything twice; run what you need by subprocess, or end the child by "
    "os._exit() before it returns"
)


class GivenUp(BaseException):
    """The fact was given up while its thread was in an adapter: nothing more happens in it."""


class _Call(NamedTuple):
    name: str
    seconds: float
    """In which it must return."""
    until: float


@dataclass
class Watch:
    """Watches the calls of one exercise."""

    patience: float = PATIENCE_SECONDS
    hanging: int = 0
    """How many calls did not return."""
    _under_way: _Call | None = None
    _left: set[Thread] = field(default_factory=set)
    """Threads that were left behind."""
    _pipe: tuple[int, int] = field(default_factory=os.pipe)
    """A child that comes back writes to it."""

    @contextmanager
    def call(self, name: str, seconds: float) -> Iterator[None]:
        """Let an adapter do one thing inside it, in so many seconds.

        Raises:
            GivenUp: it took so long that nobody waits any more.
        """
        self._require_wanted()
        parent, waits = os.getpid(), seconds + self.patience
        self._under_way = _Call(name, waits, monotonic() + waits)
        try:
            yield
        finally:
            if os.getpid() != parent:
                self._end_child()
            self._require_wanted()
            self._under_way = None

    def _require_wanted(self) -> None:
        if current_thread() in self._left:
            raise GivenUp

    def _end_child(self) -> None:
        try:
            os.write(self._pipe[1], b"!")
        finally:
            os._exit(0)

    def findings(self, try_it: Callable[[], Iterable[str]]) -> list[str]:
        """Return what is found by trying something, however that ends, or does not."""
        found: list[str] = []
        self._under_way = None
        thread = Thread(target=_collect, args=(try_it, found), daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK_SECONDS)
            call = self._under_way
            if call is not None and thread.is_alive() and monotonic() > call.until:
                self._left.add(thread)
                self.hanging += 1
                found.append(_hangs(call))
                break
        return [*found, *([FORKED] if self.has_forked() else [])]

    def has_forked(self, wait: float = 0.0) -> bool:
        """Return whether a child has come back since this was asked last."""
        has_come = bool(select([self._pipe[0]], [], [], wait)[0])
        if has_come:
            os.read(self._pipe[0], 4096)
        return has_come

    def last_words(self) -> list[str]:
        """Return what shows only at the end."""
        return [FORKED] if self.has_forked(_WORDS_OF_CHILD) else []

    def close(self) -> None:
        """Close what it has open."""
        for end in self._pipe:
            os.close(end)


def _collect(try_it: Callable[[], Iterable[str]], found: list[str]) -> None:
    """Note what is found; an adapter that cannot even be tried is a finding too."""
    with suppress(GivenUp):
        try:
            found.extend(try_it())
        except GivenUp:
            raise
        except BaseException as error:  # noqa: BLE001  # adapters have kinds of their own too
            found.append(f"it could not be tried to its end: {said(error)}")


def _hangs(call: _Call) -> str:
    return (
        f"{call.name} did not return within {call.seconds:g} s: give every wait in it a limit, a "
        "socket's too, which has none of its own; sooner than capabilities.timeout"
    )
