"""Coming in: connect, greeting, EHLO, TLS, login (RFC 5321, RFC 3207, RFC 4954)."""

from __future__ import annotations

import hmac
import re
import ssl
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import monotonic

from orchestrator.channels.mail.replies import Reply, Stage, goes_on, judged
from orchestrator.channels.mail.settings import Security
from orchestrator.channels.mail.wire import Lost, NoAgreement, Step, Wire
from orchestrator.channels.outcome import Outcome, deferred, refused


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long each part of an attempt may take, in seconds; 900 in all."""

    connect: float = 60
    """To reach the host, all its addresses together; for a TLS handshake the same."""
    enter: float = 180
    """From the first packet until the server is ready to take mail."""
    envelope: float = 120
    """To answer sender, receiver and DATA."""
    content: float = 600
    """To take the content and answer the final dot. Who hangs up earlier makes duplicates
    (RFC 1047; RFC 5321, 4.5.3.2.6)."""
    keep: float = 30
    """Without anything said, after which a connection is made anew rather than trusted."""

    @classmethod
    def of_a_look(cls) -> Patience:
        """Return the patience of who only asks whether a server is there, and waits for it."""
        return cls(connect=5, enter=10, envelope=3)

    def at_most(self, other: Patience) -> Patience:
        """Return the shorter time of each part."""
        return Patience(
            connect=min(self.connect, other.connect),
            enter=min(self.enter, other.enter),
            envelope=min(self.envelope, other.envelope),
            content=min(self.content, other.content),
            keep=min(self.keep, other.keep),
        )

    @classmethod
    def of(cls, seconds: float) -> Patience:
        """Return the patience of an attempt that may take so long in all."""
        usual = cls()
        return cls(
            connect=min(usual.connect, seconds / 5),
            enter=min(usual.enter, seconds / 5),
            envelope=min(usual.envelope, seconds / 5),
            content=min(usual.content, seconds * 3 / 5),
        )


@dataclass(frozen=True, kw_only=True)
class Relay:
    """A server that takes our mail, and how to be let in."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """With ``security`` other than none: whose certificates count."""
    called: str | None = None
    """What EHLO says we are called; None is our address."""
    patience: Patience = Patience()


class NotLetIn(Exception):
    """No connection that takes mail could be had; ``outcome`` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Offers:
    """What a server says it can do: the extensions that it names in its answer to EHLO."""

    words: Mapping[str, str]
    """Keyword in upper case → its parameters."""

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.words

    @property
    def most_octets(self) -> int:
        """The largest message it takes; 0 is not said (RFC 1870)."""
        size = self.words.get("SIZE", "")
        return int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0

    @property
    def logins(self) -> frozenset[str]:
        """The ways to log in."""
        return frozenset(self.words.get("AUTH", "").upper().split())


def come_in(wire: Wire, relay: Relay) -> Step[Offers]:
    """Open a connection on which mail can be sent, and return what the server offers.

    Raises:
        NotLetIn: it cannot be had.
    """
    until = monotonic() + relay.patience.enter
    perhaps = ""
    try:
        yield from wire.connect(relay.host, relay.port, relay.patience.connect)
        if relay.security == "none" and not wire.is_on_this_machine:
            raise NotLetIn(refused("mail leaves without TLS only to a server on this machine"))
        perhaps = _PERHAPS[relay.security].format(port=relay.port)
        if relay.security == "implicit":
            yield from _secure(wire, relay, until)
            perhaps = ""
        yield from _answer("greeting", wire, until)
        perhaps = ""
        offers = yield from _hello(wire, relay, until)
        if relay.security == "starttls":
            if "STARTTLS" not in offers:
                raise NotLetIn(refused("the server offers no STARTTLS"))
            yield from _say("starttls", b"STARTTLS", wire, until)
            yield from _secure(wire, relay, until)
            offers = yield from _hello(wire, relay, until)
        if relay.username is not None:
            yield from _let_in(wire, relay, offers, until)
    except NoAgreement as lost:
        raise NotLetIn(deferred(str(lost))) from None
    except Lost as lost:
        raise NotLetIn(deferred(f"{lost}{perhaps}")) from None
    return offers


_PERHAPS: dict[Security, str] = {
    "implicit": "; perhaps port {port} begins in plain text, as 587 does: then say tls: starttls",
    "starttls": "; perhaps port {port} begins with TLS, as 465 does: then say tls: implicit",
    "none": "; perhaps port {port} begins with TLS, as 465 does: then say tls: implicit",
}
"""What is likely if nothing that makes sense comes first, from a server that can be reached."""


def _secure(wire: Wire, relay: Relay, until: float) -> Step[None]:
    assert relay.tls is not None
    deadline = min(until, monotonic() + relay.patience.connect)
    yield from wire.secure(relay.tls, relay.host, deadline)


def _hello(wire: Wire, relay: Relay, until: float) -> Step[Offers]:
    name = relay.called or wire.own_address
    reply = yield from _say("ehlo", b"EHLO " + name.encode("ascii"), wire, until)
    words = (line.partition(" ") for line in reply.lines[1:])
    return Offers({keyword.upper(): parameters for keyword, _, parameters in words})


def _let_in(wire: Wire, relay: Relay, offers: Offers, until: float) -> Step[None]:
    """Log in; what is told of a server that repeats what it was given does not repeat it."""
    try:
        yield from _log_in(wire, relay, offers, until)
    except NotLetIn as refusal:
        user, password = (relay.username or "").encode(), (relay.password or "").encode()
        given = [password, *map(b64encode, (b"\0".join((b"", user, password)), password))]
        beginnings = "|".join(re.escape(one.decode()[:8]) for one in given if len(one) >= 4)
        hidden = re.sub(rf"(?:{beginnings})\S*", "…", refusal.outcome.detail or "")
        raise NotLetIn(replace(refusal.outcome, detail=hidden)) from None


def _log_in(wire: Wire, relay: Relay, offers: Offers, until: float) -> Step[None]:
    user, password = (relay.username or "").encode(), (relay.password or "").encode()
    # Over TLS the plainest way is as safe as any; without, the password itself is not sent.
    ways = ("PLAIN", "LOGIN", "CRAM-MD5")
    ways = ways if relay.security != "none" else ways[::-1]
    way = next((one for one in ways if one in offers.logins), None)
    match way:
        case "PLAIN":
            given = b64encode(b"\0".join((b"", user, password)))
            yield from _say("auth", b"AUTH PLAIN " + given, wire, until)
        case "LOGIN":
            yield from _challenge(b"AUTH LOGIN", wire, until)
            yield from _challenge(b64encode(user), wire, until)
            yield from _say("auth", b64encode(password), wire, until)
        case "CRAM-MD5":
            reply = yield from _challenge(b"AUTH CRAM-MD5", wire, until)
            given = _digested(user, password, reply)
            yield from _say("auth", b64encode(given), wire, until)
        case _:
            raise NotLetIn(
                refused("the server offers no login that is known: PLAIN, LOGIN, CRAM-MD5")
            )


def _digested(user: bytes, password: bytes, reply: Reply) -> bytes:
    """Return the answer to a challenge (RFC 2195)."""
    try:
        challenge = b64decode(reply.lines[0], validate=True)
    except ValueError:
        raise Lost("the server's challenge cannot be read") from None
    return user + b" " + hmac.new(password, challenge, "md5").hexdigest().encode()


def _challenge(command: bytes, wire: Wire, until: float) -> Step[Reply]:
    """Say a part of a login and return what the server asks next."""
    wire.ask(command + b"\r\n")
    reply = yield from wire.reply(until)
    if reply.code != 334:
        raise NotLetIn(judged("auth", reply))
    return reply


def _say(stage: Stage, command: bytes, wire: Wire, until: float) -> Step[Reply]:
    wire.ask(command + b"\r\n")
    return (yield from _answer(stage, wire, until))


def _answer(stage: Stage, wire: Wire, until: float) -> Step[Reply]:
    """Return the reply that a stage waits for.

    Raises:
        NotLetIn: another one came.
    """
    reply = yield from wire.reply(until)
    if not goes_on(stage, reply):
        raise NotLetIn(judged(stage, reply))
    return reply
