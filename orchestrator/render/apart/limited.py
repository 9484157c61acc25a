"""A process that renders, within bounds that the kernel keeps: memory, computing, time.

Each bound kills the process where it is passed, in whatever code that happens. The alarms are set
anew for every message, so it is the message that is too slow, not the batch.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
from pathlib import Path
from socket import socket
from typing import NoReturn, Protocol

from orchestrator.records.sends import RenderFailure, Send
from orchestrator.render.apart.wire import Frames, Result, receive, told

MESSAGE_SECONDS = 2.0
"""Of computing, for one message whose templates are compiled."""
PLAN_SECONDS = 10.0
"""The same for compiling them, which the first message of its kind does."""
PATIENCE = 1.5
"""Seconds by the wall for each of computing: a loaded machine is no fault of a message."""
MEMORY_OCTETS = 256 << 20
"""Address space beyond what the process has when it starts."""
LEAST_OWN_OCTETS = MEMORY_OCTETS * 3 // 4
"""So much of the bound must be free again for it to be the message alone that met it."""
MEMORY_EXIT = 77
"""How a process ends that has met its bound of memory and does not get it back."""
TOO_MUCH_MEMORY = RenderFailure(
    "render_memory", f"rendering took more than {MEMORY_OCTETS >> 20} MB"
)
_SIZE = Path("/proc/self/statm")


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
        _serve(connection, renderer, _bound_memory())
        code = 0
    except MemoryError:
        code = MEMORY_EXIT
    finally:
        os._exit(code)


def _serve(connection: socket, renderer: Renders, bound: int | None) -> None:
    """Tell every result at once: so it is known which message a process died of."""
    frames = Frames()
    while (frame := receive(connection, frames)) is not None:
        for send in pickle.loads(frame):  # noqa: S301  # of the sender, who is trusted
            result = _rendered(renderer, send)
            if getattr(result, "code", None) == TOO_MUCH_MEMORY.code:
                result = _told_by(bound)
            octets = told(result)
            _bound_time(0)  # it may wait as long as it likes
            connection.sendall(octets)


def _rendered(renderer: Renders, send: Send) -> Result:
    try:
        if not renderer.knows(send):
            _bound_time(PLAN_SECONDS)
            renderer.prepare(send)
        _bound_time(MESSAGE_SECONDS)
        return renderer.render(send)
    except MemoryError:
        return TOO_MUCH_MEMORY


def _told_by(bound: int | None) -> RenderFailure:
    """Return the failure of a message that met the bound, if it alone did.

    Raises:
        MemoryError: the process does not get the memory back, so earlier messages may have had it.
    """
    if bound is None or bound - _size() < LEAST_OWN_OCTETS:
        raise MemoryError
    return TOO_MUCH_MEMORY


def _bound_time(seconds: float) -> None:
    """End this process after so much computing, or by the wall if it does not even compute."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE)


def _bound_memory() -> int | None:
    """Bound the address space, and leave no image of it when the process dies.

    Returns:
        The bound. Where the kernel does not tell the size of a process (it is Linux that does)
        only time is bounded, and there is none.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not _SIZE.exists():
        return None
    bound = _size() + MEMORY_OCTETS
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    return bound


def _size() -> int:
    """Return the octets of this process's address space."""
    return int(_SIZE.read_text().split()[0]) * resource.getpagesize()
