"""Messages of one batch on their way, and what came of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from orchestrator.channels.base import MayBegin
from orchestrator.channels.mail.compose import Composer, Letter, NotAligned
from orchestrator.channels.mail.headers import HeaderRefused
from orchestrator.channels.mail.replies import Stage
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, deferred, refused, rejected

FRESH = 0.05
"""Seconds for which the answer that a message may begin is good."""
AHEAD, AHEAD_OCTETS = 0.001, 500_000
"""Seconds and octets after which no more messages are written ahead: the server would wait, and
memory fill."""
Ended = tuple[OutgoingMessage, Outcome | None]


@dataclass(slots=True)
class Errand:
    """One message on its way, with its letter."""

    message: OutgoingMessage
    letter: Letter
    asked_at: float | None = None
    """When it was last said that it may begin, on the monotonic clock."""
    stages: tuple[Stage, ...] = ()
    envelope: bytes = b""
    """What its connection says of it before the content: a line for each stage."""
    went_back: bool = False
    """Whether a connection broke before it had begun."""
    dot_at: int | None = None
    """How many octets its connection has been given with the last of its content; None until
    that begins."""
    is_over: bool = False


class Errands:
    """The messages of one batch. Each ends exactly once.

    Args:
        seconds: after which no more begin, however many are left.
    """

    def __init__(
        self,
        messages: Sequence[OutgoingMessage],
        composer: Composer,
        may_begin: MayBegin,
        seconds: float,
    ) -> None:
        self._waiting = deque(messages)
        self._ready: deque[Errand] = deque()
        self._composer = composer
        self._may_begin = may_begin
        self._until = monotonic() + seconds
        self._ended: deque[Ended] = deque()
        self.failure: Outcome | None = None
        """Why no connection can be had or trusted; what is left ends with it."""

    @property
    def are_left(self) -> bool:
        """Whether some have not begun."""
        return bool(self._waiting or self._ready) and monotonic() < self._until

    def prepare(self) -> Errand | None:
        """Return the next, written; those that cannot be written end here.

        Nothing is asked yet: it can be done while a server works on another.
        """
        while self.are_left:
            if self._ready:
                return self._ready.popleft()
            self._write_ahead()
        return None

    def _write_ahead(self) -> None:
        """Write some in a row: that is quicker than each between two calls of the system."""
        until, octets = monotonic() + AHEAD, 0
        while self._waiting and octets < AHEAD_OCTETS:
            errand = self._written(self._waiting.popleft())
            if errand is not None:
                self._ready.append(errand)
                octets += len(errand.letter.octets)
            if monotonic() > until:
                return

    def _written(self, message: OutgoingMessage) -> Errand | None:
        letter = written(self._composer, message)
        if isinstance(letter, Outcome):
            self._ended.append((message, letter))
            return None
        return Errand(message, letter)

    def may_begin(self, errand: Errand) -> bool:
        """Return whether an errand may begin now; ends it if not."""
        now = monotonic()
        if errand.asked_at is None or now - errand.asked_at > FRESH:
            if not self._may_begin(errand.message):
                self.end(errand, None)
                return False
            errand.asked_at = now
        return True

    def put_back(self, errand: Errand) -> None:
        """Let another connection have an errand that has surely not begun."""
        self._ready.append(errand)

    def end(self, errand: Errand, outcome: Outcome | None) -> None:
        """Say what came of one."""
        errand.is_over = True
        self._ended.append((errand.message, outcome))

    def end_rest(self) -> None:
        """End what is left: nothing of it has begun."""
        why = self.failure or deferred("the server takes too long")
        self._ended.extend((errand.message, why) for errand in self._ready)
        self._ended.extend((message, why) for message in self._waiting)
        self._ready.clear()
        self._waiting.clear()

    def ended(self) -> Iterator[Ended]:
        """Yield what has ended since the last time, in that order."""
        while self._ended:
            yield self._ended.popleft()


def written(composer: Composer, message: OutgoingMessage) -> Letter | Outcome:
    """Return a message's letter, or the outcome of one that cannot be written."""
    try:
        return composer.letter(message)
    except HeaderRefused as error:
        return rejected(str(error), code=error.code)
    except UnicodeEncodeError:
        return rejected("a text holds half a character", code="bad_text")
    except NotAligned as error:
        return refused(str(error), code="not_aligned")
