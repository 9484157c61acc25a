"""Running applications: sockets, one thread for all of them, and a stop that finishes answers."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Event, Thread
from typing import NamedTuple

from starlette.types import ASGIApp
from uvicorn import Config, Server

from orchestrator.errors import EnvironmentFault, UsageError
from orchestrator.server.protocol import ROOM, PunctualProtocol

MOST_CONNECTIONS = 500
"""At once, before those that have asked nothing make room. Twice as many, all of which have, are
told to come again (503)."""
MOST_TAKEN_AT_ONCE = 128
"""Connections that are taken before those make room."""
GRACE_SECONDS = 10
"""How long a stop waits for answers under way."""
KEEP_ALIVE_SECONDS = 15


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address_from(written: str, *, option: str) -> Address:
    """Return the address that ``127.0.0.1:8080``, ``[::]:80`` or ``8080`` means.

    Raises:
        UsageError: it is none.
    """
    host, _, port = written.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isdecimal() or not port.isascii() or int(port) > 65_535:
        raise UsageError(
            f'{option} "{written}" is no address', help="for example 127.0.0.1:8080, or 8080"
        )
    return Address(host, int(port))


@dataclass
class Listener:
    """One application at one address."""

    application: ASGIApp
    address: Address
    socket: socket.socket
    server: Server

    @property
    def url(self) -> str:
        """Where it is reached on this machine."""
        return f"http://{self.address}"


def listen(application: ASGIApp, address: Address) -> Listener:
    """Take an address; answers begin once it runs.

    Raises:
        EnvironmentFault: somebody else has it, or it is none of this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        taken = socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFault(
            f"cannot listen at {address}: {reason}", help="choose another address or port"
        ) from None
    config = Config(
        application,
        http=PunctualProtocol,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=ROOM * MOST_CONNECTIONS,
        backlog=MOST_TAKEN_AT_ONCE,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    bound = Address(address.host, taken.getsockname()[1])
    return Listener(application, bound, taken, Server(config))


@dataclass
class Running:
    """Applications that answer in a thread of their own, until they are told to stop."""

    listeners: Sequence[Listener]
    ended: Event = field(default_factory=Event)
    """Set when it ends, by itself too: a process whose server is gone must not live on."""
    _thread: Thread | None = None
    _bug: list[BaseException] = field(default_factory=list)

    def start(self) -> None:
        """Begin to answer; returns at once. Requests that come before it is ready wait.

        Without an address there is nothing to do, and nothing that could end.
        """
        if not self.listeners:
            return
        for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
            logger = logging.getLogger(name)
            logger.addHandler(logging.NullHandler())
            logger.propagate = False
        self._thread = Thread(target=self._run, name="serve", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Return whether it answers."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Take no new requests, finish those under way, and end.

        Raises:
            BaseException: what made it end by itself before.
        """
        for listener in self.listeners:
            listener.server.should_exit = True
        if self._thread is not None:
            self._thread.join(GRACE_SECONDS + 5)
        for listener in self.listeners:
            listener.socket.close()
        if self._bug:
            raise self._bug[0]

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # told to whoever stops it
            self._bug.append(error)
        finally:
            self.ended.set()

    async def _serve(self) -> None:
        serving = (one.server.serve(sockets=[one.socket]) for one in self.listeners)
        await asyncio.gather(*serving)
