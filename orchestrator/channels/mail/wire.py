"""One socket to a server, spoken over by steps that wait for nothing but what they say.

Everything that may wait is a generator: it yields what it needs, and goes on when that is there.
So one thread holds several conversations (``pool``), and each wait has its own end.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Generator, Sequence
from contextlib import suppress
from errno import EINPROGRESS, EWOULDBLOCK
from ipaddress import ip_address
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic
from typing import NamedTuple, TypeVar

from orchestrator.channels.lookup import Found, Lookup
from orchestrator.channels.mail.replies import Garbled, Reply, ReplyReader

T = TypeVar("T")
_MOST_AT_ONCE = 65_536


class Need(NamedTuple):
    """What a step waits for."""

    socket: socket.socket
    events: int
    """As ``selectors`` calls them."""
    deadline: float
    """On the monotonic clock."""


Step = Generator[Need, None, T]
"""Yields what it needs, returns what it is for; ``TimedOut`` is thrown in at the deadline."""


class Lost(Exception):
    """The connection cannot be used any more; the text says why, for people."""


class TimedOut(Lost):
    """What was waited for has not come in time."""


class NoAgreement(Lost):
    """The server speaks TLS, but not as we ask: its certificate, or what it offers."""


class OutOfTurn(Lost):
    """The server's answers do not match what it was asked: what they are about is not known."""


class Wire:
    """A connection. What is put on it leaves in that order, as soon as the socket takes it."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._waiting = memoryview(b"")
        self._replies = ReplyReader()
        self._broken: Lost | None = None
        self.put_octets = 0
        """How many were put on it so far."""
        self.gone_octets = 0
        """How many of those the system has taken over: they may have arrived."""

    def connect(self, host: str, port: int, seconds: float) -> Step[None]:
        """Connect to the first address of a host that answers.

        Raises:
            Lost: none does.
        """
        deadline = monotonic() + seconds
        found = yield from _addresses(host, port, deadline)
        failure = Lost(f"{host} has no address")
        for place, (family, kind, protocol, _, address) in enumerate(found):
            share = max(0.0, deadline - monotonic()) / (len(found) - place)
            self._socket = socket.socket(family, kind, protocol)
            try:
                yield from self._connected(address, monotonic() + share)
            except (OSError, TimedOut) as error:
                self.close()
                failure = Lost(f"{host}:{port} cannot be reached: {_reason(error)}")
            else:
                return
        raise failure

    def _connected(self, address: tuple[object, ...], deadline: float) -> Step[None]:
        assert self._socket is not None
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = self._socket.connect_ex(address)
        if begun in (EINPROGRESS, EWOULDBLOCK):
            yield self._need(EVENT_WRITE, deadline)
            begun = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if begun:
            raise OSError(begun, os.strerror(begun))

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the other end is a loopback address."""
        assert self._socket is not None
        return ip_address(self._socket.getpeername()[0].partition("%")[0]).is_loopback

    @property
    def own_address(self) -> str:
        """This end as an address literal (RFC 5321, 4.1.3)."""
        assert self._socket is not None
        own = self._socket.getsockname()[0].partition("%")[0]
        return f"[IPv6:{own}]" if ":" in own else f"[{own}]"

    def secure(self, context: ssl.SSLContext, host: str, deadline: float) -> Step[None]:
        """Speak TLS from here on.

        Raises:
            NoAgreement: the certificate is not the host's, or the server refuses ours and us.
            Lost: the handshake fails, or something was sent in the clear that would be read as
                if it were not.
        """
        assert self._socket is not None
        if not self._replies.is_empty:
            raise Lost("the server sent more before TLS than it may")
        try:
            secured = context.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
            self._socket = secured
            while True:
                try:
                    secured.do_handshake()
                    return
                except ssl.SSLWantReadError:
                    yield self._need(EVENT_READ, deadline)
                except ssl.SSLWantWriteError:
                    yield self._need(EVENT_WRITE, deadline)
        except (OSError, ValueError) as error:
            reason = _reason(error)
            kind = NoAgreement if _SPOKEN.search(reason) else Lost
            raise kind(f"TLS with {host} fails: {reason}") from None

    def put(self, octets: bytes) -> None:
        """Send as much as the socket takes now and keep the rest; a break is told later."""
        self.put_octets += len(octets)
        self._waiting = memoryview(bytes(self._waiting) + octets if self._waiting else octets)
        self._send()

    def ask(self, octets: bytes) -> None:
        """Send what is said when the server has answered all that was said before.

        Raises:
            Lost: it has said more, or the connection broke: what comes next would be taken for
                the answer to something else.
        """
        self.require_quiet()
        self.put(octets)

    def require_quiet(self) -> None:
        """See that the connection stands and the server has said nothing unasked.

        Raises:
            Lost: it does not, or it has.
        """
        if not self.is_quiet():
            raise self._broken or OutOfTurn("the server says more than it was asked")

    def flush(self, deadline: float) -> Step[None]:
        """Wait until everything put has gone; what comes meanwhile is kept.

        Raises:
            Lost: the connection broke before.
        """
        while self._waiting:
            if self._broken:
                raise self._broken
            yield self._need(EVENT_READ | EVENT_WRITE, deadline)
            self._receive()
            self._send()

    def reply(self, deadline: float) -> Step[Reply]:
        """Wait for the next reply.

        Raises:
            Lost: the connection broke before it came, or what came is no reply.
        """
        while True:
            self._receive()  # it may be here by now, and nothing is to be waited for
            reply = self.reply_that_came()
            if reply is not None:
                return reply
            if self._broken:
                raise self._broken
            yield self._need(EVENT_READ | (EVENT_WRITE if self._waiting else 0), deadline)
            if self._waiting:
                self._send()

    def reply_that_came(self) -> Reply | None:
        """Return the next reply if it has come, of a broken connection too.

        Raises:
            Lost: what came is no reply.
        """
        try:
            return self._replies.take()
        except Garbled:
            raise Lost("the server answers something that is not SMTP") from None

    def replies_that_came(self, wanted: Sequence[int]) -> bool:
        """Take so many replies if they have all come with these codes; else none."""
        return self._replies.take_all(wanted)

    def is_quiet(self) -> bool:
        """Return whether the connection stands and the server has said nothing unasked."""
        self._receive()
        return self._broken is None and self._replies.is_empty

    def close(self) -> None:
        """Let go of the socket; what is still kept does not leave."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def _need(self, events: int, deadline: float) -> Need:
        assert self._socket is not None
        return Need(self._socket, events, deadline)

    def _send(self) -> None:
        assert self._socket is not None
        while self._waiting and not self._broken:
            try:
                gone = self._socket.send(self._waiting[:_MOST_AT_ONCE])
            except _NOT_NOW:
                return
            except OSError as error:
                self._broken = Lost(f"the connection broke: {_reason(error)}")
                return
            self.gone_octets += gone
            self._waiting = self._waiting[gone:]

    def _receive(self) -> None:
        assert self._socket is not None
        while not self._broken:
            try:
                octets = self._socket.recv(_MOST_AT_ONCE)
            except _NOT_NOW:
                return
            except OSError as error:
                self._broken = Lost(f"the connection broke: {_reason(error)}")
                return
            if not octets:
                self._broken = Lost("the server closed the connection")
            self._replies.feed(octets)
            if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
                return  # what is left makes it readable again; TLS may hold back a part of a record


def _addresses(host: str, port: int, deadline: float) -> Step[Sequence[Found]]:
    try:
        with Lookup(host, port) as lookup:
            with suppress(TimedOut):  # the lookup then says so
                yield Need(lookup.ended, EVENT_READ, deadline)
            return lookup.answer()
    except (OSError, UnicodeError) as error:
        raise Lost(f"{host} has no address: {_reason(error)}") from None


_SPOKEN = re.compile(r"certificate|alert|protocol|cipher|handshake failure")
"""In the reasons of a handshake that failed with a server that does speak TLS."""
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def _reason(error: BaseException) -> str:
    """Return why, in few words and one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it broke off").lower().replace("_", " ")
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) or type(error).__name__
