"""A project as its files say it or, where they do not load, as its last release said it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestrator.app.opening import open_project
from orchestrator.clock import utcnow
from orchestrator.errors import UsageError
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.refusal import PlaybookErrors
from orchestrator.settings import instant_from

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class LastGood:
    """A project that verbs can speak of whatever state its files are in."""

    playbook: Playbook | None
    """None if the files do not load and no tick ever decided by any."""
    refusal: str | None
    """Why the files do not load, if they do not."""

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone; UTC as long as it is unknown."""
        return ZoneInfo(self.playbook.project.timezone if self.playbook else "UTC")

    @property
    def warning(self) -> str | None:
        """What a verb that goes on all the same says of files that do not load."""
        if self.refusal is None:
            return None
        if self.playbook is None:
            return f"{self.refusal}, and nothing was ever run: times are in UTC"
        return f"{self.refusal}: this goes by the last release, and its zone {self.zone}"

    def now(self, at: str | None) -> datetime:
        """Return the instant that ``--at`` names, else the present one."""
        return instant_from(at, self.zone) if at is not None else utcnow()


def last_good(folder: Path, engine: Engine, variables: Iterable[str] | None) -> LastGood:
    """Return the project by its files, else by the release that the latest tick decided by.

    Raises:
        EnvironmentFault: the database refused, or what it recorded cannot be read.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.tick.releases import latest_release, recorded_playbook

    playbook, refusal = playbook_or_refusal(folder, variables)
    if playbook is None:
        with database_faults(), engine.connect() as connection:
            latest = latest_release(connection)
            playbook = recorded_playbook(connection, latest) if latest else None
    return LastGood(playbook, refusal)


def playbook_or_refusal(
    folder: Path, variables: Iterable[str] | None
) -> tuple[Playbook | None, str | None]:
    """Return the project's playbook, or the sentence that says why there is none."""
    try:
        return open_project(folder, variables).playbook, None
    except PlaybookErrors as error:
        return None, error.fact
    except UsageError as error:
        return None, str(error)
