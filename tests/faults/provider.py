"""A provider on loopback that notes what it has accepted, and an adapter that calls it.

A request is the message's key in one line; the answer is ``ok``. What is accepted is noted
before the answer leaves, and the answer waits for up to 1.5 ms: whoever dies in between does not
know that it was accepted. A provider that knows keys notes each key once.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import socketserver
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred, unknown
from orchestrator.channels.settings import ChannelSettings
from orchestrator.language.marks import Mark

LONGEST_GAP = 0.0015
"""Seconds at most between noting a message and answering."""


class _Handler(socketserver.StreamRequestHandler):
    server: Provider

    def handle(self) -> None:
        with suppress(ConnectionError):
            for line in self.rfile:
                self.server.accept(line.decode().strip())
                time.sleep(random.uniform(0, LONGEST_GAP))
                self.wfile.write(b"ok\n")


class Provider(socketserver.ThreadingTCPServer):
    """Takes every message, and notes each acceptance in a file."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, note: Path, *, knows_keys: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._known: set[str] = set()
        self._knows_keys = knows_keys
        self._note = note.open("a", encoding="utf-8")  # until it is killed

    def accept(self, key: str) -> None:
        """Note one acceptance; of a key that is known, nothing."""
        if self._knows_keys and key in self._known:
            return
        self._known.add(key)
        self._note.write(f"{key}\n")
        self._note.flush()


def serve(note: Path, port: Path, knows_keys: bool) -> None:
    """Be a provider until killed; its port stands in a file."""
    with Provider(note, knows_keys=knows_keys) as provider:
        port.with_suffix(".part").write_text(str(provider.server_address[1]), encoding="utf-8")
        port.with_suffix(".part").rename(port)
        provider.serve_forever()


def acceptances(note: Path) -> Counter[str]:
    """Return how often each key was accepted."""
    return Counter(note.read_text(encoding="utf-8").split())


class Caller(Channel):
    """Calls that provider, one message after another over one connection."""

    name = "caller"
    spec = None
    Settings = ChannelSettings

    def __init__(self, port: int, *, knows_keys: bool, deadly: str = "") -> None:
        mark = Mark("test", 1, 1)
        super().__init__(
            ChannelSettings(mark=mark, marks={}), Surroundings(project="shop", folder=Path())
        )
        self.capabilities = Capabilities(idempotent=knows_keys)  # type: ignore[misc]  # of this one
        self._port, self._deadly = port, deadly
        self._open: socket.socket | None = None
        self._lines: Iterator[bytes] | None = None

    def send(self, message: OutgoingMessage) -> Outcome:
        if message.customer == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            if self._open is None or self._lines is None:
                self._open = socket.create_connection(("127.0.0.1", self._port), timeout=10)
                self._lines = iter(self._open.makefile("rb"))
        except OSError as error:
            return deferred(type(error).__name__)
        try:
            self._open.sendall(f"{message.provider_key}\n".encode())
            answer = next(self._lines, b"")
        except OSError as error:
            self.close()
            return unknown(type(error).__name__)
        if answer != b"ok\n":
            self.close()
            return unknown("no answer")
        return accepted()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = self._lines = None
