"""What the dispatcher tells while it works, for whoever counts: ids and numbers, never a person.

The dispatcher calls an ``Observer``; this one listens to nothing. ``delivery.metrics`` counts.
"""

from __future__ import annotations

from orchestrator.channels.outcome import OutcomeKind


class Observer:
    """Listens to nothing; override what is wanted. Called from many threads at once."""

    def claimed(self, channel: str, messages: int) -> None:
        """Hear that messages were taken out of the queue."""

    def called(self, channel: str, provider: str, outcome: OutcomeKind, seconds: float) -> None:
        """Hear how one call of a provider ended, and how long it took."""

    def ended(self, channel: str, state: str, messages: int = 1) -> None:
        """Hear that messages came to a state: ``sent``, ``in_doubt``, ``dead`` and so on."""

    def received(self, channel: str, kind: str, receipts: int = 1) -> None:
        """Hear of receipts that were new; ``unknown`` are those about no message of ours."""

    def forged(self, channel: str) -> None:
        """Hear of a callback whose signature was wrong."""

    def unsubscribed(self, scope: str) -> None:
        """Hear of a customer who left a ``topic``, or ``all`` marketing, by a link."""

    def looped(self, loop: str) -> None:
        """Hear that a loop has done one round: ``scheduler``, ``lane email``, ``rescue``."""

    def ended_loop(self, loop: str) -> None:
        """Hear that a loop does no more rounds, for its channel is gone or opened anew."""


DEAF = Observer()
