"""A small kit for faults: real processes that are killed at instants a seed has chosen.

Processes are forked from a server that has the product imported already, so that two hundred of
them start in seconds. Each opens its own connections and is killed with SIGKILL, which no
process can catch, and at no place it could choose.

``make soak`` (``CLM_SOAK=1``) runs the long versions; both versions print their figures.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TypeVar

SOAK = os.environ.get("CLM_SOAK") == "1"
PATIENCE = 1800.0 if SOAK else 90.0
"""Seconds that anything may take; only a fault takes as long."""

T = TypeVar("T")
_TESTS = Path(__file__).parents[1]


def sized(quick: T, soak: T) -> T:
    """Return the size of a test: for every run of the suite, or for ``make soak``."""
    return soak if SOAK else quick


def figures(title: str, **counts: float | str) -> None:
    """Print what a test has measured; ``pytest -s`` and ``make soak`` show it."""
    listed = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
    print(f"\n{title}: {listed}", flush=True)


def wait_for(condition: Callable[[], bool], every: float = 0.05) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it took longer than ``PATIENCE``.
    """
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(every)


class Processes:
    """Child processes of a test; whatever still runs at its end is killed."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["faults.workers"])
        self._running: list[ForkServerProcess] = []
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(_TESTS), *sys.path])
        try:
            forkserver.ensure_running()
        finally:
            if path is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = path

    def start(self, work: Callable[..., None], *given: Any) -> ForkServerProcess:
        """Run a function of ``faults.workers`` in a process of its own."""
        process = self._context.Process(target=work, args=given)
        process.start()
        self._running.append(process)
        return process

    def kill(self, process: ForkServerProcess) -> None:
        """Send SIGKILL, and wait until the process is gone."""
        process.kill()
        process.join()
        self._running.remove(process)

    def end(self, process: ForkServerProcess) -> int | None:
        """Send SIGTERM and return the exit code."""
        process.terminate()
        return self.join(process)

    def join(self, process: ForkServerProcess) -> int | None:
        """Return the exit code of a process that ends by itself."""
        process.join(PATIENCE)
        self._running.remove(process)
        return process.exitcode

    def kill_all(self) -> None:
        """Kill what still runs."""
        for process in list(self._running):
            self.kill(process)


@contextmanager
def processes() -> Iterator[Processes]:
    """Yield what starts processes; afterwards none of them is left."""
    found = Processes()
    try:
        yield found
    finally:
        found.kill_all()
