"""The suite's hands: it makes attempts, and hears everything that is said meanwhile."""

from __future__ import annotations

import io
import logging
import warnings
from asyncio import CancelledError
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from threading import current_thread, main_thread
from time import monotonic
from typing import Any

from orchestrator.channels.base import Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.settings import secrets_of
from orchestrator.testing.channels.provider import Behaviour, Callbacks, Provider, Unseen
from orchestrator.testing.channels.samples import sample_message
from orchestrator.testing.channels.watching import GivenUp, Watch

ANY = (Exception, SystemExit, GeneratorExit, CancelledError)
"""Whatever an adapter raises is a finding; only who waits for the suite may interrupt it."""


SECONDS = 10.0
"""In which everything that is no sending ends: opening, closing, reading a callback."""


def seconds_of(adapter: Channel, messages: int = 1) -> float:
    """Return how long an adapter may take to send so many messages."""
    return adapter.capabilities.timeout.total_seconds() * messages


def is_ours(error: BaseException) -> bool:
    """Return whether an exception is none of the adapter's: somebody ends the suite."""
    interrupted = isinstance(error, KeyboardInterrupt) and current_thread() is main_thread()
    return interrupted or isinstance(error, GivenUp)


@dataclass(frozen=True)
class Attempt:
    """What one send came to."""

    outcome: Any
    """An ``Outcome``, if the adapter keeps its word."""
    error: BaseException | None
    arrived: Sequence[bytes]
    """What reached the provider meanwhile."""
    seconds: float

    @property
    def kind(self) -> str:
        """The outcome's kind, or what came instead."""
        if self.error is not None:
            return f"raised {type(self.error).__name__}"
        return self.outcome.kind if isinstance(self.outcome, Outcome) else repr(self.outcome)

    def is_one_of(self, kinds: Collection[str]) -> bool:
        """Return whether it is an outcome of one of these kinds."""
        return isinstance(self.kind, str) and self.kind in kinds


@dataclass
class Heard:
    """Everything that was said while the suite ran."""

    logged: list[logging.LogRecord] = field(default_factory=list)
    printed: io.StringIO = field(default_factory=io.StringIO)
    outcomes: list[Outcome] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What ``check`` found."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear logs of every level, warnings, and what is printed."""
        root = logging.getLogger()
        ear, level = _Ear(self.logged), root.level
        root.addHandler(ear)
        root.setLevel(logging.DEBUG)
        try:
            with (
                redirect_stdout(self.printed),
                redirect_stderr(self.printed),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("error")
                warnings.filterwarnings("ignore", "coroutine .* was never awaited")  # told as such
                yield
        finally:
            root.removeHandler(ear)
            root.setLevel(level)

    def said(self, level: int) -> str:
        """Return what was printed, logged at a level or above, and told by outcomes."""
        lines = [one.getMessage() for one in self.logged if one.levelno >= level]
        lines += [str(one.exc_info[1]) for one in self.logged if one.exc_info]
        lines += [*self.told, *map(repr, self.outcomes), *map(repr, self.raised)]
        return "\n".join([self.printed.getvalue(), *lines])


class _Ear(logging.Handler):
    def __init__(self, heard: list[logging.LogRecord]) -> None:
        super().__init__(logging.NOTSET)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record)


def _mark(message: OutgoingMessage) -> str:
    return message.provider_key[-8:].lower()


def traces_of(message: OutgoingMessage, arrived: bytes) -> bool:
    """Return whether what arrived is this message, by one of its keys or by its text."""
    keys = (message.provider_key, message.key, _mark(message))
    return any(key.encode() in arrived for key in keys)


@dataclass
class Kit:
    """One adapter under test."""

    make: Callable[[], Channel]
    provider: Provider
    message: OutgoingMessage
    callbacks: Callbacks | None = None
    heard: Heard = field(default_factory=Heard)
    left_out: list[str] = field(default_factory=list)
    """What could not be tried, and why."""
    watch: Watch = field(default_factory=Watch)

    @property
    def sees(self) -> bool:
        """Whether there is a double that keeps what arrives."""
        return not isinstance(self.provider, Unseen)

    def fresh(self, **changes: Any) -> OutgoingMessage:
        """Return a message like the developer's, unlike all others in its keys."""
        new = sample_message(None)
        keys = {"key": new.key, "provider_key": new.provider_key}
        text = self.message.text
        text = text if self.message.is_json else f"{text} {_mark(new)}"
        return replace(self.message, **{"text": text, **keys, **changes})

    def attempt(self, adapter: Channel, message: OutgoingMessage) -> Attempt:
        """Send one message."""
        before, began = len(self.provider.arrived()), monotonic()
        outcome, error = None, None
        try:
            with self.watch.call("send()", seconds_of(adapter)):
                outcome = adapter.send(message)
        except BaseException as raised:
            if is_ours(raised):
                raise
            self.heard.raised.append(raised)
            error = raised
        seconds = monotonic() - began
        if isinstance(outcome, Outcome):
            self.heard.outcomes.append(outcome)
        return Attempt(outcome, error, self.provider.arrived()[before:], seconds)

    def can(self, behaviour: Behaviour) -> bool:
        """Let the provider behave so; False, and noted, if it never does."""
        if self.provider.behave(behaviour):
            return True
        note = f"the provider does not {behaviour}"
        self.left_out += [] if note in self.left_out else [note]
        return False

    def close(self, adapter: Channel) -> None:
        """Close an adapter, in its time."""
        with self.watch.call("close()", min(SECONDS, seconds_of(adapter))):
            adapter.close()

    @contextmanager
    def open(self) -> Iterator[Channel]:
        """Make an adapter and close it afterwards."""
        with self.watch.call("opening it", SECONDS):
            adapter = self.make()
        try:
            yield adapter
        finally:
            self.close(adapter)

    def secrets(self) -> list[str]:
        """Return the texts of the secrets that the adapter was given."""
        with self.open() as adapter:
            return [secret.reveal() for secret in secrets_of(adapter.settings)]
