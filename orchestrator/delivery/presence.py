"""Presence: whether who judges others by their silence was there all the time."""

from __future__ import annotations

from dataclasses import dataclass

SLACK_SECONDS = 2.0
"""By which a round may be late on a busy machine."""


@dataclass
class Presence:
    """Knows of one loop whether it stood still, as a process that was frozen does."""

    _looked: float | None = None
    _was_away: bool = False

    def holds(self, now: float, every: float) -> bool:
        """Return whether the loop came round in time; a second late round in turn does not count.

        So nobody is judged for a silence in which all stood still, and a loop that is slow
        each time judges all the same.

        Args:
            now: seconds on the monotonic clock.
            every: seconds that a round takes as a rule.
        """
        before, self._looked = self._looked, now
        is_late = before is not None and now - before > 2 * every + SLACK_SECONDS
        self._was_away = is_late and not self._was_away
        return not self._was_away
