"""Work beside a planner, in a thread of its own that ends with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.scheduler.planner import Planner

LOOKED_EVERY = 5.0
"""Seconds between two looks at whether the planner has looked around, or ends."""
GRACE_SECONDS = 40.0
"""How long the end of a process waits for calls that have begun; a worker gives up before."""


@contextmanager
def beside(planner: Planner, stop: Event, work: Callable[[], None]) -> Iterator[None]:
    """Work in a thread while a planner plans, once it has looked around.

    Args:
        work: returns soon after ``stop`` is set.
    Raises:
        BaseException: whatever ended the work; ``stop`` is set then.
    """
    ended: list[BaseException] = []

    def run() -> None:
        try:
            while not planner.settled.wait(LOOKED_EVERY) and not stop.is_set():
                pass
            if not stop.is_set():
                work()
        except BaseException as error:  # noqa: BLE001  # raised again below
            ended.append(error)
            stop.set()

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        planner.settled.set()
        thread.join(GRACE_SECONDS)
    if ended:
        raise ended[0]
