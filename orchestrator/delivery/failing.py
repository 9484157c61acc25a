"""A database that fails, told ever more seldom for as long as it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from orchestrator.counting import counted
from orchestrator.delivery.manner import Say
from orchestrator.errors import EnvironmentFault

LONGEST_PAUSE = 60.0
"""Seconds at most between two times that it is told: after 1, 2, 4 … 60."""


@dataclass
class Failing:
    """Tells of the failures of one loop, which goes on trying all the while."""

    event: str
    say: Say
    elapsed: Callable[[], float] = monotonic
    _failures: int = 0
    _told: int = 0
    _tell_at: float = 0.0

    def failed(self, fault: EnvironmentFault) -> None:
        """Count a failure, and tell it if it is time to."""
        self._failures += 1
        now = self.elapsed()
        if self._told and now < self._tell_at:
            return
        self._tell_at = now + min(LONGEST_PAUSE, 2.0 ** min(self._told, 10))
        self._told += 1
        facts = {"reason": str(fault), "failures": self._failures}
        help = f" ({fault.help})" if fault.help else ""
        self.say(self.event, f"tries again: {fault}{help}", "error", facts)

    def went_well(self) -> None:
        """Tell that it works again, if it failed before."""
        if self._failures:
            says = f"works again after {counted(self._failures, 'failure')}"
            self.say("recovered", says, "info", {"failures": self._failures})
        self._failures = self._told = 0
