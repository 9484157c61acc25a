"""The ``direct_mail`` adapter: letters, as PDF files ready for the printer or as a list a day.

A letter's text begins with the address, up to the first empty line; the template prints it from
the customer's attributes. On paper it stands in the window of an envelope (DIN 5008, form B).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from orchestrator.channels import whole_files
from orchestrator.channels.base import Capabilities, Surroundings
from orchestrator.channels.daily import DailyChannel
from orchestrator.channels.day_lists import DayLists, fits
from orchestrator.channels.file import file_name
from orchestrator.channels.letters import Letter, NotPrintable, Press
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, rejected
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import FolderShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.language.shapes import OneOf, Text
from orchestrator.language.words import word

COLUMNS = ("customer", "address", "subject", "text", "flow", "step", "message", "variant")


@dataclass(frozen=True, kw_only=True)
class DirectMailSettings(ChannelSettings):
    """Writes letters: a PDF file each, or a CSV file a day for a print shop."""

    folder: str = word(FolderShape(), "The folder.", default="outbox/direct_mail")
    form: Literal["csv", "pdf"] = word(
        OneOf("csv", "pdf"), "`csv` (default) or `pdf`.", default="csv"
    )
    font: str | None = word(
        Text(), "A TrueType file for letters that Latin-1 does not have.", default=None
    )


class DirectMailChannel(DailyChannel[Mapping[str, str] | bytes]):
    """A letter per message; the same one written twice is one."""

    name = "direct_mail"
    spec = CHANNELS["direct_mail"]
    capabilities = Capabilities(
        idempotent=True, is_daily=True, batch=100, at_once=100, timeout=timedelta(minutes=2)
    )
    Settings = DirectMailSettings
    settings: DirectMailSettings

    def __init__(self, settings: DirectMailSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._lists = DayLists(self.folder, COLUMNS)
        font = surroundings.folder / settings.font if settings.font else None
        self._press = Press(font) if settings.form == "pdf" else None

    def piece(self, message: OutgoingMessage) -> Mapping[str, str] | bytes | Outcome:
        try:
            letter = letter_of(message)
            if self._press is not None:
                return self._press.pdf(letter, message.created_at)
        except NotPrintable as error:
            return rejected(str(error), code="bad_letter")
        return _row(message, letter)

    def keep(self, day: date, pieces: Mapping[str, Mapping[str, str] | bytes]) -> None:
        rows = {key: piece for key, piece in pieces.items() if not isinstance(piece, bytes)}
        printed = {
            file_name(key).removesuffix(".json") + ".pdf": piece
            for key, piece in pieces.items()
            if isinstance(piece, bytes)
        }
        if rows:
            self._lists.add(day, rows)
        if printed:
            folder = self.folder / day.isoformat()
            with whole_files.held(folder):
                whole_files.write_whole(folder, printed)


def letter_of(message: OutgoingMessage) -> Letter:
    """Return a message as a letter.

    Raises:
        NotPrintable: it has no address.
    """
    head, _, text = message.text.strip("\r\n").partition("\n\n")
    address = tuple(line.strip() for line in head.splitlines() if line.strip())
    if len(address) < 2 or not text.strip():
        raise NotPrintable("no address above the first empty line, or no text below it")
    letter = Letter(message.provider_key, address, message.subject, text.strip())
    if not fits(_row(message, letter)):
        raise NotPrintable("a value is too long for a letter")
    return letter


def _row(message: OutgoingMessage, letter: Letter) -> dict[str, str]:
    return {
        "customer": message.customer,
        "address": "\n".join(letter.address),
        "subject": letter.subject or "",
        "text": letter.text,
        "flow": message.flow,
        "step": message.step,
        "message": message.message,
        "variant": message.variant or "",
    }
