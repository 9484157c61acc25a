"""How long a lane may trust that what it holds is still its own.

Counted on a clock that nobody sets, from before the claim was asked for. A process that was
frozen finds out here, before it calls a provider about messages that others have by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic


@dataclass
class Trust:
    """A lane's own view of its lease."""

    span: timedelta
    longest_call: timedelta
    """After so long without an end of a call no sign of life is given: a call that hangs cannot
    hold its messages for ever."""
    _since: float | None = None
    """When the last sign of life was begun; None while nothing is held."""
    _moved: float = 0.0
    """When the lane last moved."""

    def begin(self) -> None:
        """Begin anew: a claim is about to be made."""
        self._since = self._moved = monotonic()

    def end(self) -> None:
        """Hold nothing any more."""
        self._since = None

    def move(self) -> None:
        """Note that the lane works: a call began or ended."""
        self._moved = monotonic()

    def holds(self) -> bool:
        """Return whether the lease cannot have run out yet."""
        return self._since is not None and monotonic() - self._since < self.span.total_seconds()

    def wants_a_beat(self) -> bool:
        """Return whether a sign of life is to be given: something is held, and the lane moves."""
        return self.holds() and monotonic() - self._moved < self.longest_call.total_seconds()

    def renew(self, began: float) -> None:
        """Note a sign of life, if it was there before the lease could run out."""
        if self.holds():
            self._since = began
