"""How often one client may be wrong about links."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic

AT_ONCE = 30
"""Wrong links that one client may ask for at once."""
PER_SECOND = 0.5
"""How many more it may ask for as time goes by."""
MOST_CLIENTS = 10_000
"""Clients remembered; of more, those are forgotten who were not seen for longest."""


class Failures:
    """Counts wrong links by client. A right link is answered however many were wrong before."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._one_at_a_time = Lock()

    def are_too_many(self, client: str) -> bool:
        """Count one more of a client; return whether that is more than it may."""
        now = self._clock()
        with self._one_at_a_time:
            left, seen = self._left.pop(client, (float(AT_ONCE), now))
            left = min(float(AT_ONCE), left + (now - seen) * PER_SECOND)
            self._left[client] = (max(0.0, left - 1), now)
            if len(self._left) > MOST_CLIENTS:
                self._left.popitem(last=False)
        return left < 1
