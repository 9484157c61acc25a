"""The ``audience`` adapter: lists of the catalog as files that advertising platforms take.

A file is the whole list, hashed as the platform says; whoever left since the last one stands in
a file of removals too. Sources: Meta, "Customer file custom audiences: hashing and
normalization"; Google Ads, "Customer Match: format your customer data file".
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from orchestrator.channels import whole_files
from orchestrator.channels.base import Capabilities, Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, rejected
from orchestrator.channels.phone import e164
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import FolderShape, RegionShape
from orchestrator.channels.spec import AUDIENCE, ChannelSpec
from orchestrator.language.containers import ListOf
from orchestrator.language.names import Name, Ref
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import OneOf
from orchestrator.language.words import Sentence, word

Platform = Literal["google", "meta"]
_HEADERS: dict[Platform, tuple[str, str]] = {
    "google": ("Email", "Phone"),
    "meta": ("email", "phone"),
}


@dataclass(frozen=True, kw_only=True)
class AudienceList(Sentence):
    """One list for one platform."""

    list: Name = word(Ref("list"), "A list of the catalog, filled by `add_to`.")
    platform: Platform = word(OneOf(*_HEADERS), "Whose rules the file follows.")
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


class AudienceChannel(Channel):
    """Takes no messages: ``clmctl channels export`` and the scheduler write its files."""

    name = AUDIENCE
    spec = ChannelSpec(AUDIENCE, None, covered=False, formats=("txt",))
    capabilities = Capabilities(idempotent=True, timeout=timedelta(minutes=1))
    Settings = AudienceSettings
    settings: AudienceSettings

    def send(self, message: OutgoingMessage) -> Outcome:
        return rejected("an audience takes lists, no messages", code="no_messages")


class Member(NamedTuple):
    """Somebody on a list."""

    email: str | None
    phone: str | None


class Rows(Protocol):
    """Where rows are written: what ``csv.writer`` returns."""

    def writerow(self, row: Iterable[str], /) -> object:
        """Write one row."""


class Written(NamedTuple):
    """What came of writing one list."""

    file: Path
    people: int
    removed: int
    """Who stood in the last file and does not any more."""


def hashed(member: Member, platform: Platform, region: str | None) -> tuple[str, str] | None:
    """Return the hashes of an address and a number, '' for what is missing; None if both are.

    SHA-256 in lower-case hexadecimal, over the trimmed lower-case address (for Google without
    the dots of a Gmail name) and the number in E.164 (for Meta without its plus).
    """
    email, phone = (member.email or "").strip().lower(), ""
    if "@" not in email:
        email = ""
    if platform == "google" and email.endswith(("@gmail.com", "@googlemail.com")):
        name, _, domain = email.rpartition("@")
        email = f"{name.replace('.', '')}@{domain}"
    if member.phone:
        phone = e164(member.phone, region) or ""
    if platform == "meta":
        phone = phone.removeprefix("+")
    if not email and not phone:
        return None
    return _sha256(email), _sha256(phone)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() if text else ""


def write_list(
    folder: Path, wanted: AudienceList, members: Iterable[Member], region: str | None, at: datetime
) -> Written:
    """Write a whole list beside the last one, then what was removed, then put it in its place.

    A crash in between leaves the last list; the next run finds the same removals again.

    Args:
        members: each once.
        at: names the file of removals.
    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{wanted.list}.{wanted.platform}.csv"
    header = _HEADERS[wanted.platform]
    rows = (hashed(member, wanted.platform, region) for member in members)
    handle, temporary = tempfile.mkstemp(prefix=".clmctl-", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="") as file:
            present = set(_keep(csv.writer(file, lineterminator="\n"), header, rows))
            file.flush()
            os.fsync(file.fileno())
        removed = [row for row in _rows_of(path) if row not in present]
        if removed:
            _write_removals(folder, f"{wanted.list}.{wanted.platform}", header, removed, at)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    whole_files.sync_folder(folder)
    return Written(path, len(present), len(removed))


def _keep(
    writer: Rows, header: tuple[str, str], rows: Iterable[tuple[str, str] | None]
) -> Iterator[tuple[str, str]]:
    """Write rows and yield them; one that stands there already is left out."""
    seen: set[tuple[str, str]] = set()
    writer.writerow(header)
    for row in rows:
        if row is not None and row not in seen:
            seen.add(row)
            writer.writerow(row)
            yield row


def _rows_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the rows of the last list, if there is one."""
    if not path.exists():
        return
    with path.open(encoding="ascii", newline="") as file:
        for row in list(csv.reader(file))[1:]:
            if len(row) == 2:
                yield row[0], row[1]


def _write_removals(
    folder: Path, name: str, header: tuple[str, str], rows: list[tuple[str, str]], at: datetime
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    removals = folder / "removed"
    removals.mkdir(exist_ok=True)
    stamp = re.sub(r"[^0-9T]", "", at.isoformat()[:19])
    whole_files.write_whole(removals, {f"{name}.{stamp}.csv": text.getvalue().encode()})
