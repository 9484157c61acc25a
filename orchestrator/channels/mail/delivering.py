"""Handing messages over on one open connection, each a transaction of its own (RFC 5321, 3.3).

Where the server offers it, commands are pipelined (RFC 2920): sender, receiver and DATA of the
next message are on their way while the server still works on the content of the last, so that a
message costs one round trip.
"""

from __future__ import annotations

from time import monotonic

from orchestrator.channels.mail.compose import Letter
from orchestrator.channels.mail.errands import Errand, Errands
from orchestrator.channels.mail.opening import Offers, Patience
from orchestrator.channels.mail.replies import (
    OUT_OF_ORDER,
    WANTED,
    Reply,
    Stage,
    goes_on,
    is_in_turn,
    judged,
)
from orchestrator.channels.mail.wire import Lost, OutOfTurn, Step, TimedOut, Wire
from orchestrator.channels.outcome import Outcome, deferred, rejected, unknown

END = b".\r\n"
"""What ends a content."""

_ENVELOPE: tuple[Stage, ...] = ("mail", "rcpt", "data")
_AGREED = tuple(WANTED[stage] for stage in _ENVELOPE)


class Withdrawn(Lost):
    """The connection was given up because its message may not begin any more."""


class Delivery:
    """An open connection that carries messages, one after the other."""

    def __init__(self, wire: Wire, offers: Offers, patience: Patience) -> None:
        self._wire = wire
        self._offers = offers
        self._patience = patience
        self._pipelines = "PIPELINING" in offers
        self._needs_reset = False
        self._used_at = monotonic()
        self.has_accepted = False

    @property
    def is_usable(self) -> bool:
        """Whether the server can be expected to be still there."""
        return monotonic() - self._used_at < self._patience.keep and self._wire.is_quiet()

    def carry(self, errands: Errands) -> Step[None]:
        """Deliver messages until there are none left to begin.

        Raises:
            Lost: the connection cannot be used any more. The message it broke at has its outcome,
                or went back if it had surely not begun and another connection may do better.
        """
        spare: Errand | None = None
        errand: Errand | None = None
        ahead: Errand | None = None
        try:
            errand = self._begun(errands, spare)
            while errand is not None:
                spare = spare or errands.prepare()
                outcome = None
                if not self._is_agreed(errand):
                    outcome = yield from self._agreed(errand)
                if outcome is None:
                    if not errands.may_begin(errand):
                        raise Withdrawn("the message may not leave any more")
                    if self._pipelines:
                        ahead, spare = self._admitted(errands, spare), None
                    self._hand_over(errand, ahead)
                    spare = spare or errands.prepare()
                    outcome = yield from self._taken(errand)
                self._end(errand, errands, outcome)
                if ahead is None:
                    ahead, spare = self._begun(errands, spare), None
                errand, ahead = ahead, None
        except Lost as lost:
            self._give_up(errands, lost, errand, ahead)
            raise
        except BaseException:
            self._wire.close()
            raise
        finally:
            if spare is not None:
                errands.put_back(spare)
            self._used_at = monotonic()

    def noop(self) -> Step[Reply]:
        """Ask whether the server is there.

        Raises:
            Lost: it is not.
        """
        self._wire.ask(b"NOOP\r\n")
        return (yield from self._wire.reply(self._soon()))

    def close(self) -> None:
        """Take leave, without waiting for an answer; of a server out of step, without a word."""
        if self._wire.is_quiet():
            self._wire.put(b"QUIT\r\n")
        self._wire.close()

    def _begun(self, errands: Errands, spare: Errand | None) -> Errand | None:
        """Take the next message that this server can have, and begin to talk about it.

        Raises:
            Lost: there is more to read than was asked for; none is taken.
        """
        self._wire.require_quiet()
        errand = self._admitted(errands, spare)
        if errand is not None and self._pipelines:
            self._wire.put(errand.envelope)
        return errand

    def _admitted(self, errands: Errands, spare: Errand | None) -> Errand | None:
        """Return the next message that this server can have and that may begin.

        Args:
            spare: one that is prepared already.
        """
        errand = spare or errands.prepare()
        while errand is not None:
            lacking = self._lacking(errand.letter)
            if lacking is not None:
                errands.end(errand, lacking)
            elif errands.may_begin(errand):
                errand.dot_at = None
                errand.stages, errand.envelope = self._envelope(errand.letter)
                return errand
            errand = errands.prepare()
        return None

    def _lacking(self, letter: Letter) -> Outcome | None:
        """Return the outcome of a message that this server cannot have."""
        if letter.is_international and "SMTPUTF8" not in self._offers:
            return rejected("the server takes no international addresses", code="no_smtputf8")
        most = self._offers.most_octets
        if most and len(letter.octets) > most:
            return rejected(f"the server takes no more than {most} octets", code="552 5.3.4")
        return None

    def _envelope(self, letter: Letter) -> tuple[tuple[Stage, ...], bytes]:
        """Return what is said of a message before its content, a line for each stage."""
        parameters = f" SIZE={len(letter.octets)}" if "SIZE" in self._offers else ""
        if letter.is_international:
            parameters += " BODY=8BITMIME SMTPUTF8"
        lines = (
            f"MAIL FROM:<{letter.mail_from.spec}>{parameters}\r\n"
            f"RCPT TO:<{letter.to.spec}>\r\nDATA\r\n"
        ).encode()
        if self._needs_reset:
            return ("reset", *_ENVELOPE), b"RSET\r\n" + lines
        return _ENVELOPE, lines

    def _is_agreed(self, errand: Errand) -> bool:
        """Return whether the server has agreed to the whole envelope already, as most do."""
        return (
            self._pipelines and errand.stages is _ENVELOPE and self._wire.replies_that_came(_AGREED)
        )

    def _agreed(self, errand: Errand) -> Step[Outcome | None]:
        """Talk about the envelope; return why it is not taken, None if the content is asked for.

        Raises:
            Lost: the connection broke.
        """
        failure: Outcome | None = None
        until = self._soon()
        for stage, line in zip(
            errand.stages, errand.envelope.splitlines(keepends=True), strict=True
        ):
            if not self._pipelines:
                self._wire.ask(line)
            reply = self._wire.reply_that_came() or (yield from self._wire.reply(until))
            require_turn(stage, reply)
            if failure is None and not goes_on(stage, reply):
                failure = judged(stage, reply)
            elif failure is not None and reply.code == WANTED["data"]:
                # It asks for content although it has no receiver: nothing is what it gets.
                self._wire.ask(b".\r\n")
                require_turn("content", (yield from self._wire.reply(until)))
            if failure is not None and (is_closing(failure) or not self._pipelines):
                break
        self._needs_reset = failure is not None
        return failure

    def _hand_over(self, errand: Errand, ahead: Errand | None) -> None:
        """Send the content, and in the same packet what comes before that of the next.

        Raises:
            Lost: there is more to read than was asked for; nothing was sent.
        """
        self._wire.require_quiet()
        letter = errand.letter
        content = as_content(letter.octets) if letter.has_dots else letter.octets + END
        errand.dot_at = self._wire.put_octets + len(content)
        self._wire.put(content + ahead.envelope if ahead else content)

    def _taken(self, errand: Errand) -> Step[Outcome]:
        """Wait for the answer to the final dot, and return what it means.

        Raises:
            Lost: the connection broke before.
        """
        reply = yield from self._wire.reply(monotonic() + self._patience.content)
        if not self._has_gone(errand) and reply.is_good:
            raise OutOfTurn("the server answers before the content has ended")
        require_turn("content", reply)
        return judged("content", reply)

    def _end(self, errand: Errand, errands: Errands, outcome: Outcome) -> None:
        errands.end(errand, outcome)
        self.has_accepted |= outcome.kind == "accepted"
        if is_closing(outcome) or (errand.dot_at is not None and not self._has_gone(errand)):
            # Of a content that is cut short the rest would be read as commands.
            raise Lost(outcome.detail or "the server closes the connection")

    def _has_gone(self, errand: Errand) -> bool:
        """Return whether the system has taken over the final dot: it may have arrived."""
        return errand.dot_at is not None and self._wire.gone_octets >= errand.dot_at

    def _give_up(
        self, errands: Errands, lost: Lost, errand: Errand | None, ahead: Errand | None
    ) -> None:
        """Close the connection; say what came of the message at the wire, and of the next."""
        self._wire.close()
        if errand is not None and not errand.is_over:
            if errand.dot_at is None:
                self._not_begun(errand, errands, lost)
            elif self._has_gone(errand):
                errands.end(errand, unknown(f"{lost}, after the content"))
            else:
                errands.end(errand, deferred(f"{lost}, within the content"))
        if ahead is not None:
            self._not_begun(ahead, errands, lost)

    def _not_begun(self, errand: Errand, errands: Errands, lost: Lost) -> None:
        is_hanging = isinstance(lost, TimedOut)
        if self.has_accepted and not errand.went_back and not is_hanging:
            errand.went_back = True
            errands.put_back(errand)
        else:
            errands.end(errand, deferred(str(lost)))

    def _soon(self) -> float:
        return monotonic() + self._patience.envelope


def require_turn(stage: Stage, reply: Reply) -> None:
    """See that a reply can be that to a stage.

    Raises:
        OutOfTurn: it cannot, so neither need the next be that to the next. What is said further
            on this connection could be taken for the content of a message.
    """
    if not is_in_turn(stage, reply):
        raise OutOfTurn(f"the server answers out of turn ({reply.called})")


def is_closing(outcome: Outcome) -> bool:
    """Return whether a connection ends with this answer: closed by the server, or out of step."""
    return (outcome.code or "").startswith(("421", str(OUT_OF_ORDER)))


def as_content(octets: bytes) -> bytes:
    """Return a message as DATA takes it: dots at the beginning of lines doubled, then the dot.

    Args:
        octets: with CRLF at the end of each line, the last one too, and no other CR or LF: as
            ``compose`` writes them. A dot after a lone LF would be doubled too: no server can
            take it for the end, whatever it takes for a line (SMTP smuggling).
    """
    octets = octets.replace(b"\n.", b"\n..")
    return b"".join((b"." if octets.startswith(b".") else b"", octets, END))
