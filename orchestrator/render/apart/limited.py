"""A process that renders, within bounds that the kernel keeps: memory, time, work.

Each bound kills the process where it is passed, in whatever code that happens. The alarm is set
anew for every message, so it is the message that is too slow, not the batch.
"""

from __future__ import annotations

import math
import os
import pickle
import resource
import signal
from pathlib import Path
from socket import socket
from time import monotonic, process_time
from typing import NoReturn, Protocol

from orchestrator.records import Send
from orchestrator.render.apart.wire import Frames, Result, receive, told

MESSAGE_SECONDS = 2.0
"""By the wall, for one message whose templates are compiled."""
PLAN_SECONDS = 10.0
"""The same for compiling them, which the first message of its kind does."""
MEMORY_OCTETS = 256 << 20
"""Address space beyond what the process has when it starts."""
MEMORY_EXIT = 77
"""How a process ends that has met its bound of memory."""
_TOLD_TOGETHER = 8
"""Messages whose results leave together: so many at most are rendered again if one of them kills
the process."""
_FLUSH_SECONDS = 0.05


class Renders(Protocol):
    """What renders: ``Renderer``."""

    def knows(self, send: Send) -> bool:
        """Return whether the plan of a send is made."""
        ...

    def prepare(self, send: Send) -> None:
        """Make it."""
        ...

    def render(self, send: Send) -> Result:
        """Return the message of one send, or why there is none."""
        ...


def serve(connection: socket, renderer: Renders) -> NoReturn:
    """Render what comes until the sender is gone. Ends the process."""
    code = 1
    try:
        _bound_memory()
        _serve(connection, renderer)
        code = 0
    except MemoryError:
        code = MEMORY_EXIT
    finally:
        os._exit(code)


def _serve(connection: socket, renderer: Renders) -> None:
    frames, bounds = Frames(), _Bounds()
    while (frame := receive(connection, frames)) is not None:
        ready: list[bytes] = []
        flushed = monotonic()
        for send in pickle.loads(frame):  # noqa: S301  # of the sender, who is trusted
            ready.append(told(_rendered(renderer, send, bounds)))
            if len(ready) >= _TOLD_TOGETHER or monotonic() - flushed > _FLUSH_SECONDS:
                bounds.lift()
                connection.sendall(b"".join(ready))
                ready, flushed = [], monotonic()
        bounds.lift()
        connection.sendall(b"".join(ready))


def _rendered(renderer: Renders, send: Send, bounds: _Bounds) -> Result:
    if not renderer.knows(send):
        bounds.set(PLAN_SECONDS)
        renderer.prepare(send)
    bounds.set(MESSAGE_SECONDS)
    result = renderer.render(send)
    if getattr(result, "code", None) == "render_memory":
        raise MemoryError
    return result


class _Bounds:
    """The bounds of time on what is done now."""

    def __init__(self) -> None:
        self._most = 0
        self._hardest = resource.getrlimit(resource.RLIMIT_CPU)[1]

    def set(self, seconds: float) -> None:
        """End this process after so long, by the wall and, rounded up, by its own work."""
        signal.setitimer(signal.ITIMER_REAL, seconds)
        most = int(process_time()) + math.ceil(seconds) + 1
        if most != self._most:
            self._most = most
            resource.setrlimit(resource.RLIMIT_CPU, (most, self._hardest))

    def lift(self) -> None:
        """Let this process wait as long as it likes."""
        signal.setitimer(signal.ITIMER_REAL, 0)


def _bound_memory() -> None:
    """Bound the address space, and leave no image of it when the process dies.

    Where the kernel does not tell the size of a process (it is Linux that does), only time is
    bounded.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = Path("/proc/self/statm")
    if pages.exists():
        size = int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_OCTETS, size + MEMORY_OCTETS))
