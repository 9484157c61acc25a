"""The ``call_task`` adapter: people to be called, a list a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from orchestrator.channels.base import Capabilities, Surroundings
from orchestrator.channels.daily import DailyChannel
from orchestrator.channels.day_lists import DayLists, fits
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, rejected
from orchestrator.channels.phone import e164
from orchestrator.channels.regions import RegionShape
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import FolderShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.language.words import word

COLUMNS = ("customer", "phone", "call_by", "subject", "what_to_say", "flow", "step", "message")


@dataclass(frozen=True, kw_only=True)
class CallTaskSettings(ChannelSettings):
    """Writes whom to call, and by when, into a CSV file a day."""

    folder: str = word(FolderShape(), "The folder.", default="outbox/call_task")
    region: str | None = word(
        RegionShape(), "The country of numbers that name none, such as AT.", default=None
    )


class CallTaskChannel(DailyChannel[Mapping[str, str]]):
    """A row per message, in the list of the day on which it was decided."""

    name = "call_task"
    spec = CHANNELS["call_task"]
    capabilities = Capabilities(
        idempotent=True, is_daily=True, batch=200, at_once=200, timeout=timedelta(minutes=1)
    )
    Settings = CallTaskSettings
    settings: CallTaskSettings

    def __init__(self, settings: CallTaskSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._lists = DayLists(self.folder, COLUMNS, as_they_are=frozenset(("phone",)))

    def piece(self, message: OutgoingMessage) -> Mapping[str, str] | Outcome:
        phone = e164(message.to, self.settings.region)
        if phone is None:
            return rejected("no phone number with a country", code="bad_number")
        row = _row(message, phone)
        return row if fits(row) else rejected("a value is too long for a list", code="too_long")

    def keep(self, day: date, pieces: Mapping[str, Mapping[str, str]]) -> None:
        self._lists.add(day, pieces)


def _row(message: OutgoingMessage, phone: str) -> dict[str, str]:
    return {
        "customer": message.customer,
        "phone": phone,
        "call_by": _text(message.expires_at),
        "subject": message.subject or "",
        "what_to_say": message.text,
        "flow": message.flow,
        "step": message.step,
        "message": message.message,
    }


def _text(instant: datetime | None) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant else ""
