"""What a channel adapter is: one class in one file, from any package.

An adapter carries messages of one channel of the language to one provider. It knows nothing of
databases, playbooks or retries: it makes one attempt and says honestly what came of it. The
dispatcher does the rest (``orchestrator.delivery``).

    class Pigeon(Channel):
        name = "pigeon"
        spec = ChannelSpec("pigeon", None, covered=False, formats=("txt",))
        Settings = PigeonSettings

        def send(self, message: OutgoingMessage) -> Outcome: ...
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.receipt import Callback, Receipt
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.spec import ChannelSpec


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a provider can do. What is not said is not relied on."""

    idempotent: bool = False
    """Whether a second attempt with the same ``provider_key`` cannot be a second message."""
    key_ttl: timedelta | None = None
    """For how long it remembers that key; None with ``idempotent`` is for ever."""
    verify: bool = False
    """Whether ``verify`` can find out if a message was taken."""
    expiry: bool = False
    """Whether it drops a message by itself at ``expires_at``."""
    collapse: bool = False
    """Whether a newer message of the same key replaces an older one at the receiver."""
    is_published: bool = False
    """Whether a message is kept in our own database for the site to fetch: ``onsite`` alone."""
    is_daily: bool = False
    """Whether it keeps messages in a list, or a folder, of the UTC day on which they were decided:
    somebody takes it away when that day is complete."""
    batch: int = 1
    """How many messages one ``send_batch`` takes; 1 is none."""
    at_once: int = 20
    """How many are at the wire together if ``channels.yaml`` does not say ``at_once``: the most
    that are in doubt after a crash."""
    timeout: timedelta = timedelta(seconds=30)
    """After which one attempt is over, whatever happens. Leases last three times as long."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where an adapter finds itself."""

    project: str
    """The project's name."""
    folder: Path
    """The project's folder; relative paths among settings begin here."""
    base_url: str | None = None
    """``links.base_url``: where the public pages and callbacks of this project are."""
    clock: Callable[[], datetime] | None = None
    """What time it is for messages: their ``expires_at`` is judged by it. None is the present;
    ``clmctl run --at`` sends as of another instant. What a provider is told of time is real."""


MayBegin = Callable[[OutgoingMessage], bool]
"""Asked just before each call of a batch; False means that this one is not to begin. Who waits
after a yes asks again: until the call begins, the latest answer counts."""


class Channel(ABC):
    """One channel, carried by one provider. An instance is used by one thread at a time."""

    name: ClassVar[str]
    """What ``adapter:`` in ``channels.yaml`` calls it."""
    spec: ClassVar[ChannelSpec | None]
    """The channel whose messages it carries; None carries any channel of the language."""
    capabilities: ClassVar[Capabilities] = Capabilities()
    Settings: ClassVar[type[ChannelSettings]]
    """What it is told in ``channels.yaml``: a ``ChannelSettings`` with words of its own."""

    def __init__(self, settings: Any, surroundings: Surroundings) -> None:
        self.settings = settings
        self.surroundings = surroundings

    @abstractmethod
    def send(self, message: OutgoingMessage) -> Outcome:
        """Make one attempt; say what came of it, within ``capabilities.timeout``.

        Never tries twice by itself, and never lets a library do so. What it raises counts as
        ``unknown``: if nothing can have left, return ``deferred`` instead.
        """

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        """Send several and yield each as it ends; None for one that was not to begin.

        Each message has its own outcome: one that fails takes no other with it.
        """
        for message in messages:
            yield message, self.send(message) if may_begin(message) else None

    def verify(self, message: OutgoingMessage) -> Outcome | None:
        """Find out whether a message was taken; None if that cannot be told (yet)."""
        return None

    def receipts(self, callback: Callback) -> Sequence[Receipt]:
        """Read a provider's callback.

        Raises:
            ForgedCallback: it is not known to come from the provider.
            ValueError: it is, and cannot be read.
        """
        return ()

    def handshake(self, callback: Callback) -> str | None:
        """Return what to answer a provider's GET that sets its callbacks up; None refuses it."""
        return None

    def check(self) -> Sequence[str]:
        """Reach the provider without sending; return what is wrong, in sentences."""
        return ()

    def sender_of(self, message: OutgoingMessage) -> str:
        """Return what the provider's limits count by, beside the channel: as a rule the sender."""
        return message.sender.address if message.sender else ""

    def close(self) -> None:  # noqa: B027 - most adapters hold nothing open
        """Let go of connections; the adapter may be used again after it."""


class BatchChannel(Channel):
    """A channel that sends several at a time, one message being a batch of one."""

    def send(self, message: OutgoingMessage) -> Outcome:
        [(_, outcome)] = self.send_batch([message], lambda _: True)
        assert outcome is not None  # it was to begin
        return outcome

    @abstractmethod
    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]: ...
