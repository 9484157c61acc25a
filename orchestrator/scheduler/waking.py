"""The alarm clock: APScheduler wakes the planner, the main thread keeps the office.

APScheduler is only what wakes. Which occurrences are due comes from the stored watermark, so a
wake that comes late, early or twice changes nothing: late runs are never dropped
(``misfire_grace_time=None``), missed ones become one (``coalesce``), and no two overlap
(``max_instances=1``). Its own weakness, sleeping through a clock that was set back, is mended
here: the main thread compares the clock with one that nobody can set.
"""

from __future__ import annotations

import logging
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic
from types import FrameType
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from orchestrator.scheduler.lease import RENEWED_EVERY
from orchestrator.scheduler.outcome import Outcome
from orchestrator.scheduler.planner import Planner

STEP = timedelta(seconds=2)
"""A clock that moved this much more or less than time did was set."""
LONGEST_PAUSE = 60.0
"""Seconds at most between two tries while the database fails."""


LOOKED_EVERY = 0.1
"""Seconds after which a wish that a signal uttered is seen at the latest."""


class Wish(Event):
    """An event that a signal may set too, between any two instructions.

    A signal's handler takes no lock, for the thread it interrupts may hold that very one; it
    leaves a mark, and who waits looks for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_marked = False

    def mark(self) -> None:
        """Set it from a signal's handler."""
        self._is_marked = True

    def is_set(self) -> bool:
        return self._is_marked or super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        until = None if timeout is None else monotonic() + timeout
        while not self.is_set():
            left = LOOKED_EVERY if until is None else min(LOOKED_EVERY, until - monotonic())
            if left <= 0:
                return False
            super().wait(left)
        return True


@dataclass
class Stop:
    """The wish that the scheduler ends, and who uttered it."""

    asked: Wish = field(default_factory=Wish)
    signal: int | None = None


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Turn the first SIGTERM or SIGINT into a wish; a second one acts as it always does."""
    stop = Stop()
    before: dict[signal.Signals, Any] = {}

    def take(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        stop.asked.mark()
        for name, handler in before.items():
            signal.signal(name, handler)

    for name in (signal.SIGTERM, signal.SIGINT):
        before[name] = signal.signal(name, take)
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


class Alarm:
    """Wakes a planner every so often, until it is told to stop."""

    def __init__(
        self, planner: Planner, every: timedelta, stop: Event, clock: Callable[[], datetime]
    ) -> None:
        self._planner, self._every, self._stop, self._clock = planner, every, stop, clock
        self._outcome: Outcome | None = None
        self._bug: BaseException | None = None
        self._job: Job | None = None

    def run(self) -> None:
        """Wake the planner at once and then regularly; returns when ``stop`` is set.

        A tick under way is finished, and the office is given back.

        Raises:
            BaseException: whatever the planner raised; it is not woken again.
        """
        _silence("apscheduler")
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        trigger = IntervalTrigger(seconds=self._every.total_seconds(), timezone=UTC)
        self._job = scheduler.add_job(self._wake, trigger, next_run_time=self._clock())
        scheduler.start()
        try:
            self._keep_office()
        finally:
            self._stop.set()
            scheduler.shutdown(wait=True)
            self._planner.leave()
        if self._bug is not None:
            raise self._bug

    def _wake(self) -> None:
        if self._stop.is_set():
            return
        try:
            self._outcome = self._planner.wake()
        except BaseException as error:  # noqa: BLE001  # raised again by the main thread
            self._bug = error
            self._stop.set()
            return
        if self._outcome is Outcome.FAILED:
            self._wake_after(pause_after(self._planner.failures))

    def _wake_after(self, seconds: float) -> None:
        if self._job is not None and not self._stop.is_set():
            self._job.modify(next_run_time=self._clock() + timedelta(seconds=seconds))

    def _keep_office(self) -> None:
        """Renew the lease, take a free one, and wake early when the clock was set."""
        offset = self._offset()
        while not self._stop.wait(RENEWED_EVERY.total_seconds()):
            if self._outcome is not Outcome.FAILED and self._planner.renew():
                self._wake_after(0)
            moved = self._offset() - offset
            if abs(moved) > STEP:
                offset += moved
                self._planner.voice.say(
                    "clock_was_set",
                    f"the clock was set by {round(moved.total_seconds()):+,} seconds",
                    "warning",
                    {"seconds": round(moved.total_seconds())},
                )
                self._wake_after(0)

    def _offset(self) -> timedelta:
        """Return how far the clock is from one that nobody sets."""
        return self._clock() - datetime.fromtimestamp(0, UTC) - timedelta(seconds=monotonic())


def pause_after(failures: int) -> float:
    """Return how many seconds to wait after that many failures in a row: 1, 2, 4 … with jitter."""
    longest = min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311  # so that not all come back at once


def _silence(name: str) -> None:
    """Keep a library's log lines out of ours."""
    logger = logging.getLogger(name)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
