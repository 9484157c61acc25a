"""What carries each channel now; where nobody can say, nothing is guessed.

A project that never set channels has its messages written to files. One that has set them never
does so by itself: a file of channels that does not load, or is gone, opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from orchestrator.channels.routes import CHANNELS_FILE, Route
from orchestrator.channels.settings import ChannelSettings
from orchestrator.database_faults import database_faults
from orchestrator.delivery.manner import Say
from orchestrator.errors import EnvironmentFault, UsageError
from orchestrator.playbook.files import read_files
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.routes import open_channels, texts_of_channels
from orchestrator.tick.releases import recorded_texts

UNREAD = f"{CHANNELS_FILE} does not load, or other files do not and it has changed since they did"
MEND = "mend what clmctl check shows"
GONE = f"{CHANNELS_FILE} is gone, and this project had one"
PUT_BACK = "put it back; if files in outbox/ are wanted, let it say so: {email: {adapter: file}}"


class ChannelsUnknown(EnvironmentFault):
    """Nobody can say what carries the messages of this project."""


@dataclass
class Carrying:
    """The channels of a project, as its files have them, or had them while that was clear."""

    engine: Engine
    folder: Path
    current: Callable[[], Playbook]
    """Returns the playbook in force."""
    say: Say
    clock: Callable[[], datetime] | None = None
    """What time it is for messages; None is the present."""
    _known: Mapping[str, ChannelSettings] | None = None
    """Channel → its settings, when they were last clear; None before the first time."""
    _is_gone: bool = False

    def __call__(self) -> dict[str, Route]:
        """Return the routes, by channel; those that were clear stay when their file is gone.

        Raises:
            ChannelsUnknown: nobody can say, and it never was clear to this process.
        """
        playbook = self.current()
        if self._known is None:
            self._require_clear(playbook)
        was, self._is_gone = self._is_gone, bool(self._known) and not playbook.channels
        if self._known is None or not self._is_gone:
            self._known = playbook.channels
        if self._is_gone and not was:
            says = f"all channels go on as they were opened before: {GONE} ({PUT_BACK})"
            self.say("channels_kept", says, "error", {"channels": sorted(self._known)})
        return open_channels(replace(playbook, channels=self._known), self.folder, self.clock)

    def _require_clear(self, playbook: Playbook) -> None:
        try:
            with database_faults(), self.engine.connect() as connection:
                connection.execution_options(sqlite_begin="DEFERRED")
                fault = channels_fault(connection, playbook, self.folder)
        except EnvironmentFault as error:
            says = f"whether this project has set channels is not known: {error}"
            raise ChannelsUnknown(says, help=error.help) from error
        if fault is not None:
            raise fault


def channels_fault(
    connection: Connection, playbook: Playbook, folder: Path
) -> ChannelsUnknown | None:
    """Return why nobody can say what carries messages; None if a playbook says it.

    Args:
        playbook: in force; the latest release, where the files do not load.
        folder: the project's.
    """
    known, there = texts_of_channels(playbook.files), _on_disk(folder)
    if there and there != known:
        return ChannelsUnknown(UNREAD, help=MEND)
    if not there and (known or _were_ever_set(connection)):
        return ChannelsUnknown(GONE, help=PUT_BACK)
    return None


def _on_disk(folder: Path) -> dict[str, str]:
    """Return the files that set channels, or would; one that cannot be read has no text."""
    try:
        files = read_files(folder)
    except UsageError:
        return {}
    return texts_of_channels({**files.playbooks, **dict.fromkeys(files.unreadable, "")})


def _were_ever_set(connection: Connection) -> bool:
    return any(texts_of_channels(texts) for texts in recorded_texts(connection, "channels"))
