"""What the routes share: the project as it is now, its links, its adapters, the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from orchestrator.delivery.carrying import Carrying, ChannelsUnknown
from orchestrator.delivery.inbox import Inbox
from orchestrator.delivery.line import Line
from orchestrator.delivery.links import Links, links_of
from orchestrator.delivery.manner import Say, silent
from orchestrator.delivery.observer import DEAF, Observer
from orchestrator.playbook.model import Playbook
from orchestrator.server.failures import Failures
from orchestrator.server.readers import Reader, Readers
from orchestrator.signing import Keys


@dataclass
class Site:
    """One project as it is seen from outside."""

    engine: Engine
    folder: Path
    keys: Callable[[], Keys]
    """Returns what links are signed with."""
    current: Callable[[], Playbook]
    """Returns the playbook in force."""
    clock: Callable[[], datetime]
    say: Say
    observer: Observer = DEAF
    failures: Failures = field(default_factory=Failures)
    is_beside: bool = False
    """Whether something else in this process tells what becomes of channels."""

    def __post_init__(self) -> None:
        # Receipts wait while a long import holds the facts; a withdrawal does not wait for them.
        self.receipts = Inbox(Line(self.engine))
        self.deciding, self.showing = Line(self.engine), Line(self.engine)
        heard = silent if self.is_beside else self.say
        self._routes = Carrying(self.engine, self.folder, self.current, heard)
        self._readers = Readers(self._routes, self.say)

    @property
    def playbook(self) -> Playbook:
        """The playbook in force."""
        return self.current()

    @property
    def links(self) -> Links:
        """What reads the links in messages.

        Raises:
            EnvironmentFault: the database was not there yet to say which secret signs them.
        """
        return links_of(self.playbook, self.keys())

    @property
    def topics(self) -> dict[str, str]:
        """Topic of the catalog → its purpose."""
        return self.playbook.catalog.topic_purposes()

    def open_readers(self) -> None:
        """Open what reads callbacks, of all channels whose providers tell something.

        While nobody can say what these are, links are answered and callbacks told to come again.

        Raises:
            EnvironmentFault: a secret is missing, or an adapter cannot be made.
        """
        try:
            routes = self._routes()
        except ChannelsUnknown as fault:
            says = f"callbacks are not read: {fault} ({fault.help})"
            self.say("channels_shut", says, "error", {"reason": str(fault)})
            return
        for channel in routes:
            self.reader(channel)

    def reader(self, channel: str) -> Reader | None:
        """Return what reads a channel's callbacks, as ``Readers.of`` does."""
        return self._readers.of(channel)

    def close(self) -> None:
        """Let go of what is open."""
        for line in (self.receipts.line, self.deciding, self.showing):
            line.close()
        self._readers.close()


def base_path(playbook: Playbook) -> str:
    """Return the path of ``links.base_url``, without a slash at its end."""
    links = playbook.project.links
    return urlsplit(links.base_url).path.rstrip("/") if links else ""
