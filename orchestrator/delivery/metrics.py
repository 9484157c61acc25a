"""What this process has done, counted for Prometheus; how things stand is read when it is asked.

Counters are of one process and begin at 0 with it. Gauges come from the database at each scrape
(``delivery.standing``), so they are right whichever process is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Histogram

from orchestrator.channels.outcome import OutcomeKind
from orchestrator.delivery.observer import Observer

CALL_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600)
"""Upper bounds of the buckets of how long calls take; the last is the wait after SMTP's dot."""


class Metrics(Observer):
    """Counts what the dispatcher and the server tell."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._rounds: dict[str, float] = {}
        self._limits: dict[str, timedelta] = {}
        self._lock = Lock()
        self._claims = self._count("clm_claims", "Messages taken out of the queue.", "channel")
        self._outcomes = self._count(
            "clm_calls", "Calls of providers, by how they ended.", "channel", "provider", "outcome"
        )
        self._ends = self._count(
            "clm_messages_ended", "Messages that came to a state.", "channel", "state"
        )
        self._receipts = self._count("clm_receipts", "Receipts that were new.", "channel", "kind")
        self._forged = self._count(
            "clm_callbacks_refused", "Callbacks whose signature was wrong.", "channel"
        )
        self._unsubscribes = self._count("clm_unsubscribes", "Withdrawals by link.", "scope")
        self._seconds = Histogram(
            "clm_call_seconds",
            "How long calls of providers take.",
            ("channel", "provider"),
            registry=self.registry,
            buckets=CALL_SECONDS,
        )

    def claimed(self, channel: str, messages: int) -> None:
        self._claims.labels(channel).inc(messages)

    def called(self, channel: str, provider: str, outcome: OutcomeKind, seconds: float) -> None:
        self._outcomes.labels(channel, provider, outcome).inc()
        self._seconds.labels(channel, provider).observe(seconds)

    def ended(self, channel: str, state: str, messages: int = 1) -> None:
        self._ends.labels(channel, state).inc(messages)

    def received(self, channel: str, kind: str, receipts: int = 1) -> None:
        self._receipts.labels(channel, kind).inc(receipts)

    def forged(self, channel: str) -> None:
        self._forged.labels(channel).inc()

    def unsubscribed(self, scope: str) -> None:
        self._unsubscribes.labels(scope).inc()

    def looped(self, loop: str) -> None:
        with self._lock:
            self._rounds[loop] = self._clock()

    def ended_loop(self, loop: str) -> None:
        with self._lock:
            self._rounds.pop(loop, None)

    def expects(self, loop: str, within: timedelta) -> None:
        """Count the age of a loop from now on; it is late once that is more than ``within``."""
        self._limits[loop] = within
        self.looped(loop)

    def late(self) -> list[str]:
        """Return the loops that should have gone round and have not."""
        ages = self.ages()
        return [loop for loop, within in sorted(self._limits.items()) if ages[loop] > within]

    def ages(self) -> Mapping[str, timedelta]:
        """Return how long ago each loop did its latest round."""
        now = self._clock()
        with self._lock:
            return {
                loop: timedelta(seconds=now - then) for loop, then in sorted(self._rounds.items())
            }

    def _count(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, registry=self.registry)
