"""Lists for advertisers by the clock: whole ones in their rhythm, removals soon after.

The files come first and the row that says so second: a crash in between writes the same list
once more, and nothing else. Whoever writes holds the folder, so no older list can take the place
of a newer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from orchestrator.channels.audience import AudienceList, AudienceSettings
from orchestrator.channels.audience_files import Written, prune_list, write_list
from orchestrator.channels.spec import AUDIENCE
from orchestrator.channels.whole_files import alone_in
from orchestrator.counting import counted
from orchestrator.database import in_one_transaction
from orchestrator.database_faults import database_faults
from orchestrator.delivery.audiences import Export, audience_of, exports, members, note_export
from orchestrator.delivery.stops import read_stops
from orchestrator.delivery.switch import Switch
from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.model import Playbook
from orchestrator.scheduler.events import Voice

CHECKED_EVERY = timedelta(minutes=10)
"""How often those who withdrew their consent are taken out between two whole lists."""


@dataclass
class Exporter:
    """Writes the lists of one project. Several may look at the same time: one of them writes."""

    engine: Engine
    folder: Path
    """The project's."""
    voice: Voice
    switch: Switch

    def look(self, playbook: Playbook, now: datetime) -> None:
        """Write what is due by now; what fails is told once, and tried again by the next look."""
        settings = audience_of(playbook)
        if settings is None:
            return
        try:
            with database_faults(), alone_in(self.folder / settings.folder) as alone:
                if alone:
                    self._look(playbook, settings, now)
        except (OSError, EnvironmentFault) as error:
            reason = getattr(error, "strerror", None) or str(error)
            says = f"the lists for advertisers are not written: {reason}"
            self.voice.once("lists_failed", says, "error", {"reason": reason})
            return
        self.voice.ended("lists_failed")

    def _look(self, playbook: Playbook, settings: AudienceSettings, now: datetime) -> None:
        with self._looking() as connection:
            known, stops = exports(connection), read_stops(connection, playbook)
        held = stops.everything or AUDIENCE in stops.channels or self.switch.is_off()
        due = settings.due_by(now, ZoneInfo(playbook.project.timezone))
        for wanted in settings.lists:
            last = known.get((str(wanted.list), wanted.platform))
            if not held and (last is None or last.due_at < due):
                self._write(settings, wanted, due, now)
            elif last is not None and abs(now - last.checked_at) >= CHECKED_EVERY:
                self._prune(settings, wanted, last, now)

    def _write(
        self, settings: AudienceSettings, wanted: AudienceList, due: datetime, now: datetime
    ) -> None:
        """Write a whole list. After a time without a clock one does for all that were missed."""
        into = self.folder / settings.folder
        with self._looking() as connection:
            found = members(connection, wanted, now)
            written = write_list(into, wanted, found, settings.region, now)
        self._note(wanted, Export(due, now, now, written.people))
        self._tell("list_written", wanted, written)

    def _prune(
        self, settings: AudienceSettings, wanted: AudienceList, last: Export, now: datetime
    ) -> None:
        into = self.folder / settings.folder
        with self._looking() as connection:
            found = members(connection, wanted, now)
            written = prune_list(into, wanted, found, settings.region, now)
        people = last.people if written is None else written.people
        self._note(wanted, last._replace(checked_at=now, people=people))
        if written is not None:
            self._tell("removals_written", wanted, written)

    def _looking(self) -> Connection:
        return self.engine.connect().execution_options(sqlite_begin="DEFERRED")

    def _note(self, wanted: AudienceList, export: Export) -> None:
        with self.engine.connect() as connection:
            in_one_transaction(connection, lambda: note_export(connection, wanted, export))

    def _tell(self, event: str, wanted: AudienceList, written: Written) -> None:
        facts = {
            "list": str(wanted.list),
            "platform": wanted.platform,
            "people": written.people,
            "removed": written.removed,
        }
        people = counted(written.people, "person", "people")
        says = f"{wanted.list} for {wanted.platform}: {people}, {written.removed:,} removed"
        self.voice.say(event, says, facts=facts)
