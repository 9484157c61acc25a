"""What a developer lends the conformance suite: a double of the provider, and its callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, Protocol

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import OutcomeKind
from orchestrator.channels.receipt import Callback

Behaviour = Literal[
    "accept", "defer", "reject", "refuse", "down", "break_before", "break_after", "hang", "trickle",
    "garble", "trouble",
]  # fmt: skip
"""How the provider behaves from now on.

- ``accept``: it takes every message.
- ``defer``: not now: HTTP 429, SMTP 451.
- ``reject``: never this message: HTTP 422, SMTP 550.
- ``refuse``: it does not let us in: HTTP 401, SMTP 535.
- ``down``: nobody listens.
- ``break_before``: it hangs up before the message was whole.
- ``break_after``: it takes the whole message, then hangs up without a word.
- ``hang``: it takes the whole message, then says nothing for longer than the adapter waits.
- ``trickle``: it takes the whole message, then answers an octet at a time, without end.
- ``garble``: it takes the message, and what it says cannot be read.
- ``trouble``: it takes the message and fails: HTTP 500.
"""
HONEST: dict[Behaviour, frozenset[OutcomeKind]] = {
    "accept": frozenset(("accepted",)),
    "defer": frozenset(("deferred",)),
    "reject": frozenset(("rejected",)),
    "refuse": frozenset(("refused",)),
    "down": frozenset(("deferred",)),
    "break_before": frozenset(("deferred", "unknown")),
    "break_after": frozenset(("unknown",)),
    "hang": frozenset(("unknown",)),
    "trickle": frozenset(("unknown",)),
    "garble": frozenset(("unknown",)),
    "trouble": frozenset(("unknown",)),
}
"""What an adapter may say of each: ``unknown`` wherever the message may have been taken."""


class Provider(Protocol):
    """A double of a provider: it keeps what reaches it, and behaves as it is told."""

    @property
    def retry_after(self) -> timedelta | None:
        """What it asks for when it defers; None asks for nothing."""

    def arrived(self) -> Sequence[bytes]:
        """Return every message or request that arrived whole so far, with its headers."""

    def behave(self, how: Behaviour) -> bool:
        """Behave so from now on; False if this provider never does."""


class Unseen:
    """Stands in where a developer lends no double: it is never looked at, and always accepts."""

    retry_after = None

    def arrived(self) -> Sequence[bytes]:
        """Return nothing: nobody sees what arrives."""
        return ()

    def behave(self, how: Behaviour) -> bool:
        """Say that the provider accepts, and does nothing else."""
        return how == "accept"


class Callbacks(Protocol):
    """Makes the callbacks of a provider, as it would sign them."""

    def delivered(self, message: OutgoingMessage, provider_id: str | None) -> Callback:
        """Return a genuine callback: this message was delivered."""

    def signed(self, body: bytes) -> Callback:
        """Return a callback of any body, rightly signed."""
