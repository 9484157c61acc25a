"""A peer that speaks HTTP as badly as a test says, octet by octet, in the clear or over TLS."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

Stage = Literal["connected", "head", "whole"]
"""What of a request is read before anything is said: nothing, its head, all of it."""
End = Literal["close", "reset", "silence", "drip", "flood"]
"""What follows the octets that are said: the connection is closed or reset; nothing, an octet now
and then, or the same octets as fast as they are taken, without end."""
ENDLESS = ("silence", "drip", "flood")
LONGEST = 20.0
"""Seconds after which a peer gives up: a client that is still there then has no end of its own."""


@dataclass(frozen=True)
class Fault:
    """How the peer behaves, on every connection."""

    says: bytes = b""
    after: Stage = "whole"
    then: End = "close"
    again: bytes = b"x"
    """What is dripped, or what a flood consists of."""


@dataclass
class Peer:
    """What one peer has seen."""

    fault: Fault
    tls: ssl.SSLContext | None = None
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Those that came whole."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set once a client hung up while it was kept waiting, or fed without end."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def was_left(self) -> bool:
        """Return whether a client that got an answer without an end went away by itself."""
        return self.fault.then not in ENDLESS or self.left.wait(LONGEST / 2)

    def listen(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._begin(self._accept)

    def stop(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _begin(self, work: object, *given: socket.socket) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)  # type: ignore[arg-type]  # a method
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self._socket.accept()
                connected.settimeout(0.05)
                self._begin(self._serve, connected)

    def _serve(self, connected: socket.socket) -> None:
        with suppress(OSError):
            if self.tls is not None:
                connected.settimeout(5)
                connected = self.tls.wrap_socket(connected, server_side=True)
                connected.settimeout(0.05)
            if self._has_read(connected):
                if self.fault.says:
                    connected.sendall(self.fault.says)
                self._end(connected)
        with suppress(OSError):
            connected.close()

    def _has_read(self, connected: socket.socket) -> bool:
        """Read as much of a request as is to be read; return whether it came."""
        octets = b""
        while not self._is_enough(octets):
            try:
                more = connected.recv(65_536)
            except TimeoutError:
                if self._stopping.is_set():
                    return False
                continue
            if not more:
                return False
            octets += more
        if self.fault.after == "whole":
            self.requests.append(octets)
        return True

    def _is_enough(self, octets: bytes) -> bool:
        if self.fault.after == "connected":
            return True
        head, gap, body = octets.partition(b"\r\n\r\n")
        if self.fault.after == "head" or not gap:
            return bool(gap)
        length = re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)
        return len(body) >= int(length[1] if length else 0)

    def _end(self, connected: socket.socket) -> None:
        match self.fault.then:
            case "close":
                connected.shutdown(socket.SHUT_RDWR)
            case "reset":
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case "silence":
                self._wait_until_left(connected)
            case "drip":
                self._repeat(connected, pause=0.03)
            case "flood":
                self._repeat(connected, pause=0)

    def _wait_until_left(self, connected: socket.socket) -> None:
        for _ in range(int(LONGEST / 0.05)):
            try:
                is_left = connected.recv(65_536) == b""
            except TimeoutError:
                is_left = False
            except OSError:
                is_left = True
            if is_left:
                self.left.set()
            if is_left or self._stopping.is_set():
                return

    def _repeat(self, connected: socket.socket, pause: float) -> None:
        connected.settimeout(LONGEST)
        octets = self.fault.again * (1 if pause else 1 + 65_536 // len(self.fault.again))
        until = monotonic() + LONGEST
        try:
            while monotonic() < until and not self._stopping.wait(pause):
                connected.sendall(octets)
        except OSError:
            self.left.set()


@contextmanager
def peer(fault: Fault, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """Let a peer behave so on a port of this machine."""
    made = Peer(fault, tls)
    made.listen()
    try:
        yield made
    finally:
        made.stop()
