"""A channel as the dispatcher sees it: who carries it, how much at once, what in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Thread
from time import monotonic

from orchestrator.channels.base import Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.routes import Route
from orchestrator.channels.settings import ChannelSettings
from orchestrator.delivery.buckets import Pace
from orchestrator.delivery.manner import Say
from orchestrator.delivery.policy import Doubt
from orchestrator.errors import EnvironmentFault
from orchestrator.packages import said

LONGEST_LEASE = timedelta(seconds=90)
"""Three times the longest call over HTTP; a worker that carries a longer one lives meanwhile."""

CLOSED_WITHIN = 5.0
"""Seconds in which an adapter is to close: all it does then is to say goodbye."""


@dataclass(frozen=True, kw_only=True)
class Outlet:
    """Where the messages of one channel leave."""

    channel: str
    adapter: Channel
    at_once: int
    """How many may be at the wire, marked together: so many share a commit, and so many are in
    doubt after a crash."""
    on_in_doubt: Mapping[str, Doubt] = field(default_factory=dict)
    """By purpose, what is done with a message that may or may not have been accepted."""
    pace: Pace | None = None
    """How fast messages may leave, for each sender; None is as fast as they go."""

    @property
    def provider(self) -> str:
        """The name by which the ledger knows who carried a message."""
        return type(self.adapter).name

    def doubt(self, purpose: str) -> Doubt:
        """Return the policy for messages of one purpose; a retry needs a provider that knows keys.

        Without a word of the project: the same key again where the provider knows it, else
        marketing is parked and transactional messages are sent once more.
        """
        is_idempotent = self.adapter.capabilities.idempotent
        return doubt_policy(self.on_in_doubt.get(purpose), purpose, is_idempotent=is_idempotent)

    def anew(self) -> Outlet:
        """Return the same with an adapter of its own, made as this one was.

        Raises:
            EnvironmentFault: it cannot be made.
        """
        old = self.adapter
        try:
            return replace(self, adapter=type(old)(old.settings, old.surroundings))
        except Exception as error:
            message = f'the adapter "{self.provider}" cannot be opened again: {said(error)}'
            raise EnvironmentFault(message, help=f"it carries {self.channel}") from error

    def sender_of(self, message: OutgoingMessage) -> str:
        """Return what the provider's limits count by; what the adapter cannot tell is nothing."""
        try:
            sender = self.adapter.sender_of(message)
        except Exception:  # noqa: BLE001 - its limits then count all senders as one
            return ""
        return sender if isinstance(sender, str) and sender.isprintable() else ""

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts without a sign of life, which is given during a call too."""
        return min(3 * self.adapter.capabilities.timeout, LONGEST_LEASE)

    @property
    def longest_silence(self) -> timedelta:
        """After how long without a word an adapter has lost what it had in hand.

        No sign of life is given once the longest call would be over, and the last one runs out.
        """
        return self.adapter.capabilities.timeout + self.lease


def shut(adapter: Channel) -> bool:
    """Close an adapter; one that cannot even do that keeps nothing else from ending.

    Returns:
        Whether it came back in time; if not, it is left behind with the thread that closes it.
    """
    closing = begun_closing(adapter)
    closing.join(CLOSED_WITHIN)
    return not closing.is_alive()


def shut_all(outlets: Sequence[Outlet], say: Say) -> None:
    """Close the adapters of some outlets at once, and tell of those that do not come back."""
    closing = [(outlet, begun_closing(outlet.adapter)) for outlet in outlets]
    until = monotonic() + CLOSED_WITHIN
    for outlet, thread in closing:
        thread.join(max(0.0, until - monotonic()))
        if thread.is_alive():
            says = f"{outlet.channel}: its adapter does not close, and is left behind"
            say("close_hangs", says, "warning", {"channel": outlet.channel})


def begun_closing(adapter: Channel) -> Thread:
    """Return the thread that closes an adapter; it keeps no process from ending."""
    closing = Thread(target=_close, args=(adapter,), name="closes an adapter", daemon=True)
    closing.start()
    return closing


def _close(adapter: Channel) -> None:
    with suppress(BaseException):  # nothing that ends a process either
        adapter.close()


def doubt_policy(said: Doubt | None, purpose: str, *, is_idempotent: bool) -> Doubt:
    """Return what is done with a message in doubt, by what the project says of its purpose."""
    if said == "retry" and not is_idempotent:
        return "park"
    if said is not None:
        return said
    if is_idempotent:
        return "retry"
    return "park" if purpose == "marketing" else "resend"


def outlet_of(route: Route) -> Outlet:
    """Return the outlet of a configured channel, its adapter opened.

    Raises:
        EnvironmentFault: a secret is missing, or the adapter cannot be made.
    """
    return Outlet(
        channel=route.channel,
        adapter=route.open(),
        at_once=route.at_once,
        on_in_doubt=policies(route.settings),
        pace=pace_of(route.settings),
    )


def policies(settings: ChannelSettings) -> dict[str, Doubt]:
    """Return what the project says of messages in doubt, by purpose."""
    said = settings.on_in_doubt
    if said is None:
        return {}
    found = {"marketing": said.marketing, "transactional": said.transactional}
    return {purpose: policy for purpose, policy in found.items() if policy is not None}


def pace_of(settings: ChannelSettings) -> Pace | None:
    """Return how fast messages may leave; None if the project does not say.

    Without a word about bursts no second has more than one and a half times its rate, a
    backlog's first one neither.
    """
    if settings.rate is None:
        return None
    per_second = settings.rate.per_second
    return Pace(per_second, settings.burst or max(1, int(per_second / 2)))
