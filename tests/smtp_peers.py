"""Servers to send mail to: one that is a real one, and one that does what it is told.

``Office`` is aiosmtpd, written by others. ``Scripted`` answers each command with what a test has
set, and can fall silent, close or cut off where a test says so.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from orchestrator.testing.channels import Behaviour


@dataclass
class Taken:
    """One message as a server took it."""

    mail_from: str
    to: list[str]
    octets: bytes
    options: list[str]
    """Of MAIL FROM."""
    peer: object
    """The port that it came from: one a connection."""
    called: str


@dataclass
class Office:
    """A post office that keeps what it takes."""

    taken: list[Taken] = field(default_factory=list)
    extensions: tuple[str, ...] = ("PIPELINING",)
    answers: Mapping[str, str] = field(default_factory=dict)
    """Receiver → what RCPT is answered with."""
    logins: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    port: int = 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds it by its name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, said: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*said[:1], *(f"250-{word}" for word in self.extensions), *said[1:]]

    async def handle_RCPT(  # noqa: N802 - the same
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - the same
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.original_content, bytes)
        assert isinstance(session.peer, tuple)
        self.taken.append(
            Taken(
                envelope.mail_from or "",
                list(envelope.rcpt_tos),
                envelope.original_content,
                list(envelope.mail_options),
                session.peer[1],
                session.host_name or "",
            )
        )
        return f"250 2.0.0 Ok: queued as Q{len(self.taken):06d}"

    def let_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
    ) -> AuthResult:
        """Let ``shop`` in with ``open sesame``."""
        assert isinstance(given, LoginPassword)
        self.logins.append((mechanism, given.login, given.password))
        return AuthResult(success=given == LoginPassword(b"shop", b"open sesame"), handled=False)


@contextmanager
def post_office(office: Office, **options: Any) -> Iterator[Office]:
    """Let a post office take mail on a port of this machine."""
    made = Controller(
        office,
        hostname="127.0.0.1",
        port=0,
        authenticator=office.let_in,
        enable_SMTPUTF8=options.pop("smtputf8", True),
        **options,
    )
    made.port = _free_port()
    made.start()
    office.port = made.port
    try:
        yield office
    finally:
        made.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


CLOSE, SILENCE, DRIPPING, RESET = "close", "silence", "dripping", "reset"
"""What a script says instead of a reply: hang up, say nothing, say an octet now and then, break."""
ENDLESS = {
    DRIPPING: (b"2", 0.05),
    "lines that drip": (b"250-and\r\n", 0.05),
    "octets without end": (b"2" * 65_536, 0),
    "lines without end": (b"250-and\r\n" * 8_192, 0),
    "replies without end": (b"250 2.0.0 Ok\r\n" * 8_192, 0),
}
"""More to say instead of a reply, until the client hangs up: what, and seconds between."""
USUAL = {
    "connect": "220 ready",
    "EHLO": "250-here\r\n250-PIPELINING\r\n250 SIZE 100000",
    "AUTH": "235 2.7.0 Welcome",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go ahead",
    "content": "250 2.0.0 Ok: queued as 4F1A2B3C",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
}


class Scripted:
    """Answers each command with what the script says, in turn if that is a list."""

    def __init__(
        self,
        script: Mapping[str, str | list[str]],
        pauses: Mapping[str, float],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.script = {**USUAL, **script}
        self.pauses = pauses
        self.tls = tls
        self.left = threading.Event()
        """Set once a client hung up on an answer without end."""
        self.heard: list[str] = []
        """Every command of every connection."""
        self.contents: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.listen()

    def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        accepting = threading.Thread(target=self._accept, args=(self._socket,), daemon=True)
        self._threads.append(accepting)
        accepting.start()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connected, _ = listening.accept()
                self._open.append(connected)
                self.connections += 1
                one = threading.Thread(target=self._talk, args=(connected,), daemon=True)
                self._threads.append(one)
                one.start()

    def _talk(self, plain: socket.socket) -> None:
        with suppress(OSError):
            connected = plain if self.tls is None else self.tls.wrap_socket(plain, server_side=True)
            self._listen_to(connected)

    def _listen_to(self, connected: socket.socket) -> None:
        with connected, suppress(OSError), connected.makefile("rb") as lines:
            if not self._answer("connect", connected):
                return
            while line := lines.readline():
                said = line.decode("utf-8", "replace").rstrip("\r\n")
                self.heard.append(said)
                verb = said.partition(" ")[0].upper()
                if not self._answer(verb, connected) or verb == "QUIT":
                    return
                if verb == "DATA" and self._last.startswith("354"):
                    content = []
                    while (one := lines.readline()) not in (b".\r\n", b""):
                        content.append(one)
                    if not one:
                        return
                    self.contents.append(b"".join(content))
                    if not self._answer("content", connected):
                        return

    def _answer(self, verb: str, connected: socket.socket) -> bool:
        """Answer, and return whether to go on."""
        answer = self.script.get(verb, "502 5.5.1 What?")
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        self._last = answer
        self._stopping.wait(30 if answer == SILENCE else self.pauses.get(verb, 0))
        if answer in ENDLESS:
            self._go_on(connected, *ENDLESS[answer])
        if answer == RESET:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connected.close()
            return False
        if answer in (CLOSE, SILENCE, *ENDLESS):
            connected.shutdown(socket.SHUT_RDWR)
            return False
        connected.sendall(answer.encode() + b"\r\n")
        return not answer.startswith("421")

    def _go_on(self, connected: socket.socket, octets: bytes, pause: float) -> None:
        """Say something again and again, until nobody listens any more."""
        try:
            while not self._stopping.wait(pause):
                connected.sendall(octets)
        except OSError:
            self.left.set()
            raise

    def stop(self) -> None:
        """Close every connection and take no more."""
        self._stopping.set()
        for one in (self._socket, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(5)
        self._open, self._threads = [], []


@contextmanager
def scripted(
    script: Mapping[str, str | list[str]] | None = None,
    pauses: Mapping[str, float] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Scripted]:
    """Let a server answer as the script says; what it does not say is as usual.

    Args:
        pauses: command → seconds before it is answered.
        tls: what is shown, if TLS is spoken from the first octet on.
    """
    server = Scripted(script or {}, pauses or {}, tls)
    try:
        yield server
    finally:
        server.stop()


class SmtpProvider(Scripted):
    """A ``Provider`` of the conformance suite."""

    retry_after = None
    """SMTP has no word for it."""
    how: Mapping[Behaviour, Mapping[str, str]] = {
        "accept": {},
        "defer": {"RCPT": "451 4.7.1 Later"},
        "reject": {"RCPT": "550 5.1.1 Unknown"},
        "refuse": {"AUTH": "535 5.7.8 Who are you?"},
        "break_before": {"DATA": CLOSE},
        "break_after": {"content": CLOSE},
        "hang": {"content": SILENCE},
        "trickle": {"content": DRIPPING},
        "garble": {"content": "yes, of course"},
        "down": {},
    }

    def __init__(self) -> None:
        super().__init__({}, {})
        self._usual = {**USUAL, "EHLO": USUAL["EHLO"].replace("250 S", "250-AUTH PLAIN\r\n250 S")}
        self.behave("accept")

    def arrived(self) -> list[bytes]:
        return list(self.contents)

    def behave(self, how: Behaviour) -> bool:
        if how not in self.how:
            return False
        self.stop()
        self.script = {**self._usual, **self.how[how]}
        if how != "down":
            self.listen()
        return True
