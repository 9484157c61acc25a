"""The ``direct_mail`` adapter: letters, as PDF files ready for the printer or as a list a day.

A letter's text begins with the address, up to the first empty line; the template prints it from
the customer's attributes. On paper it stands in the window of an envelope (DIN 5008, form B).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Literal

from orchestrator.channels import whole_files
from orchestrator.channels.base import Capabilities, Channel, MayBegin, Surroundings
from orchestrator.channels.day_lists import DayLists, fits
from orchestrator.channels.file import file_name
from orchestrator.channels.letters import Letter, NotPrintable, Press
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred, rejected
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


class DirectMailChannel(Channel):
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
        self._folder = surroundings.folder / settings.folder
        self._lists = DayLists(self._folder, COLUMNS)
        font = surroundings.folder / settings.font if settings.font else None
        self._press = Press(font) if settings.form == "pdf" else None

    def send(self, message: OutgoingMessage) -> Outcome:
        [(_, outcome)] = self.send_batch([message], lambda _: True)
        assert outcome is not None
        return outcome

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        begun = [message for message in messages if may_begin(message)]
        outcomes: dict[str, Outcome] = {}
        letters = {}
        for message in begun:
            try:
                letters[message.key] = letter_of(message)
            except NotPrintable as error:
                outcomes[message.key] = rejected(str(error), code="bad_letter")
        outcomes |= self._keep([one for one in begun if one.key in letters], letters)
        for message in messages:
            yield message, outcomes.get(message.key)

    def _keep(
        self, messages: Sequence[OutgoingMessage], letters: dict[str, Letter]
    ) -> dict[str, Outcome]:
        try:
            if self._press is None:
                return self._list(messages, letters)
            return self._print(messages, letters, self._press)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            failed = deferred(f"the folder cannot be written: {reason}")
            return dict.fromkeys(letters, failed)

    def _list(
        self, messages: Sequence[OutgoingMessage], letters: dict[str, Letter]
    ) -> dict[str, Outcome]:
        days: dict[date, dict[str, dict[str, str]]] = {}
        for message in messages:
            row = _row(message, letters[message.key])
            days.setdefault(_day(message), {})[message.key] = row
        for day, rows in days.items():
            self._lists.add(day, rows)
        return dict.fromkeys(letters, accepted())

    def _print(
        self, messages: Sequence[OutgoingMessage], letters: dict[str, Letter], press: Press
    ) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        folders: dict[Path, dict[str, bytes]] = {}
        for message in messages:
            try:
                printed = press.pdf(letters[message.key], message.created_at)
            except NotPrintable as error:
                outcomes[message.key] = rejected(str(error), code="bad_letter")
                continue
            folder = self._folder / _day(message).isoformat()
            name = file_name(message.key).removesuffix(".json") + ".pdf"
            folders.setdefault(folder, {})[name] = printed
            outcomes[message.key] = accepted()
        for folder, files in folders.items():
            with whole_files.held(folder):
                whole_files.write_whole(folder, files)
        return outcomes

    def check(self) -> Sequence[str]:
        try:
            with whole_files.held(self._folder):
                whole_files.probe(self._folder)
        except OSError as error:
            return [f"the folder {self._folder} cannot be written: {error.strerror}"]
        return []


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


def _day(message: OutgoingMessage) -> date:
    return (message.decided_at or message.created_at).astimezone(UTC).date()


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
