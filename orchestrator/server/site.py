"""What the routes share: the project as it is now, its links, its adapters, the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from orchestrator.channels.base import Channel
from orchestrator.channels.receipt import Callback, Receipt
from orchestrator.delivery.inbox import Inbox
from orchestrator.delivery.line import Line
from orchestrator.delivery.links import Links, links_of
from orchestrator.delivery.manner import Say
from orchestrator.delivery.observer import DEAF, Observer
from orchestrator.delivery.outlet import shut
from orchestrator.delivery.receiving import Origin
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.routes import open_channels
from orchestrator.server.failures import Failures
from orchestrator.signing import Keys


@dataclass(frozen=True)
class Reader:
    """Reads the callbacks of one channel's provider, one at a time."""

    channel: str
    adapter: Channel
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def origin(self) -> Origin:
        """Where its receipts come from."""
        return Origin(self.channel, type(self.adapter).name)

    def read(self, callback: Callback) -> list[Receipt]:
        """Return what a callback tells.

        Raises:
            ForgedCallback: it is not known to come from the provider.
            Exception: it cannot be read.
        """
        with self._turn:
            return list(self.adapter.receipts(callback))

    def handshake(self, callback: Callback) -> str | None:
        """Return the answer to a GET that sets callbacks up; None refuses it."""
        with self._turn:
            return self.adapter.handshake(callback)


@dataclass
class Site:
    """One project as it is seen from outside."""

    engine: Engine
    folder: Path
    keys: Keys
    current: Callable[[], Playbook]
    """Returns the playbook in force."""
    clock: Callable[[], datetime]
    say: Say
    observer: Observer = DEAF
    failures: Failures = field(default_factory=Failures)
    _readers: dict[str, Reader] = field(default_factory=dict)
    _opened_for: Playbook | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        # Receipts wait while a long import holds the facts; a withdrawal does not wait for them.
        self.receipts = Inbox(Line(self.engine))
        self.deciding, self.showing = Line(self.engine), Line(self.engine)

    @property
    def playbook(self) -> Playbook:
        """The playbook in force."""
        return self.current()

    @property
    def links(self) -> Links:
        """What reads the links in messages."""
        return links_of(self.playbook, self.keys)

    @property
    def topics(self) -> dict[str, str]:
        """Topic of the catalog → its purpose."""
        declared = self.playbook.catalog.topics or {}
        return {str(name): topic.purpose for name, topic in declared.items()}

    def open_readers(self) -> None:
        """Open what reads callbacks, of all channels whose providers tell something.

        Raises:
            EnvironmentFault: a secret is missing, or an adapter cannot be made.
        """
        for channel in open_channels(self.playbook, self.folder):
            self.reader(channel)

    def reader(self, channel: str) -> Reader | None:
        """Return what reads a channel's callbacks; None if its provider tells nothing.

        One that could not be opened is tried again whenever it is asked for; the others are read.

        Raises:
            EnvironmentFault: its secret is missing, or its adapter cannot be made.
        """
        playbook = self.playbook
        with self._opening:
            if playbook is not self._opened_for:
                old, self._readers, self._opened_for = self._readers, {}, playbook
                for reader in old.values():
                    shut(reader.adapter)
            if channel not in self._readers:
                route = open_channels(playbook, self.folder).get(channel)
                if route is None or route.adapter.receipts is Channel.receipts:
                    return None
                self._readers[channel] = Reader(channel, route.open())
            return self._readers[channel]

    def close(self) -> None:
        """Let go of what is open."""
        for line in (self.receipts.line, self.deciding, self.showing):
            line.close()
        for reader in self._readers.values():
            shut(reader.adapter)


def base_path(playbook: Playbook) -> str:
    """Return the path of ``links.base_url``, without a slash at its end."""
    links = playbook.project.links
    return urlsplit(links.base_url).path.rstrip("/") if links else ""
