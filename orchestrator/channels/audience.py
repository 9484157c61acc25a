"""The ``audience`` adapter: lists of the catalog as files that advertising platforms take.

A file is the whole list (``channels/audience_files.py``); whoever left since the last one stands
in a file of removals too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from orchestrator.channels.base import Capabilities, Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, rejected
from orchestrator.channels.regions import RegionShape
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import FolderShape
from orchestrator.channels.spec import AUDIENCE, ChannelSpec
from orchestrator.language.containers import ListOf
from orchestrator.language.moments import WEEKDAYS, TimeOfDay, Zone
from orchestrator.language.names import Name, Ref
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import OneOf
from orchestrator.language.words import Sentence, word
from orchestrator.timing import local_day, local_instant

Platform = Literal["google", "meta"]
PLATFORMS: tuple[Platform, ...] = ("google", "meta")
_CALLED_PLATFORMS: dict[str, tuple[Platform]] = {
    **dict.fromkeys(("facebook", "instagram", "fb", "meta_ads"), ("meta",)),
    **dict.fromkeys(("youtube", "adwords", "google_ads", "customer_match"), ("google",)),
}
_A_DAY = timedelta(days=1)
_AT = time(3)


@dataclass(frozen=True, kw_only=True)
class AudienceList(Sentence):
    """One list for one platform."""

    list: Name = word(Ref("list"), "A list of the catalog, filled by `add_to`.")
    platform: Platform = word(
        OneOf(*PLATFORMS, called=_CALLED_PLATFORMS), "Whose rules the file follows."
    )
    topic: Name = word(
        Ref("topic"), "Only who is subscribed to it: consent to this use of their data."
    )


@dataclass(frozen=True, kw_only=True)
class AudienceSettings(ChannelSettings):
    """Writes lists of the catalog as hashed files for advertising platforms."""

    lists: tuple[AudienceList, ...] = word(
        ListOf(SentenceOf(AudienceList, "a list")), "Which lists, for whom."
    )
    folder: str = word(FolderShape(), "The folder.", default="outbox/audience")
    region: str | None = word(
        RegionShape(), "The country of phone numbers that name none, such as AT.", default=None
    )
    every: str = word(
        OneOf(*WEEKDAYS, "day", called={"daily": ("day",), "weekly": ("monday",)}),
        "When `clmctl start` writes them: a weekday, or `day`.",
        default="day",
    )
    at: time | None = word(TimeOfDay(), "Time of day (default 03:00).", default=None)
    timezone: str | None = word(Zone(), "Whose clock; the project's unless said.", default=None)

    def due_by(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return the latest instant up to now at which the lists were to be written.

        Args:
            zone: the project's, if the settings name none.
        """
        return next((at for at in self._instants(now, zone, step=-1) if at <= now), now)

    def due_after(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return the first instant after now at which the lists are to be written."""
        return next((at for at in self._instants(now, zone, step=1) if at > now), now)

    def _instants(self, now: datetime, zone: ZoneInfo, *, step: int) -> Iterator[datetime]:
        """Yield instants of the rhythm from the day of ``now`` on, later or earlier ones."""
        zone = ZoneInfo(self.timezone) if self.timezone else zone
        today = local_day(now, zone)
        for number in range(9):
            try:
                day = today + step * number * _A_DAY
            except OverflowError:  # the calendar has an end
                return
            if self.every in ("day", WEEKDAYS[day.weekday()]):
                yield local_instant(day, self.at or _AT, zone)


class AudienceChannel(Channel):
    """Takes no messages: ``clmctl start`` and ``clmctl channels export`` write its files."""

    name = AUDIENCE
    spec = ChannelSpec(AUDIENCE, None, covered=False, formats=("txt",))
    capabilities = Capabilities(idempotent=True, timeout=timedelta(minutes=1))
    Settings = AudienceSettings
    settings: AudienceSettings

    def send(self, message: OutgoingMessage) -> Outcome:
        return rejected("an audience takes lists, no messages", code="no_messages")
