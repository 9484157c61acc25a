"""Files that advertising platforms take: whole lists, hashed, and who left them.

Sources: Meta, "Customer file custom audiences: hashing and normalization"; Google Ads, "Customer
Match: format your customer data file".
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from orchestrator.channels import whole_files
from orchestrator.channels.audience import AudienceList, Platform
from orchestrator.channels.phone import e164

_HEADERS: dict[Platform, tuple[str, str]] = {
    "google": ("Email", "Phone"),
    "meta": ("email", "phone"),
}
Row = tuple[str, str]
"""The hash of an address and of a number; one may be empty."""


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


def hashed(member: Member, platform: Platform, region: str | None) -> Row | None:
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
        folder: there is one; nobody else writes there meanwhile.
        members: each once.
        at: names the file of removals.
    Raises:
        OSError: the folder cannot be written.
    """
    rows = (hashed(member, wanted.platform, region) for member in members)
    return _replace(folder, wanted, (row for row in rows if row is not None), at)


def prune_list(
    folder: Path, wanted: AudienceList, members: Iterable[Member], region: str | None, at: datetime
) -> Written | None:
    """Take who is no member any more out of a list that was written; None if nobody is.

    Nobody is added: whoever came since stands in the next whole list.

    Raises:
        OSError: the folder cannot be written.
    """
    path = _path(folder, wanted)
    present = {hashed(member, wanted.platform, region) for member in members}
    if all(row in present for row in _rows_of(path)):
        return None
    return _replace(folder, wanted, (row for row in _rows_of(path) if row in present), at)


def _path(folder: Path, wanted: AudienceList) -> Path:
    return folder / f"{wanted.list}.{wanted.platform}.csv"


def _replace(folder: Path, wanted: AudienceList, rows: Iterable[Row], at: datetime) -> Written:
    path, header = _path(folder, wanted), _HEADERS[wanted.platform]
    handle, temporary = tempfile.mkstemp(prefix=".clmctl-", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="") as file:
            present = set(_keep(csv.writer(file, lineterminator="\n"), header, rows))
            file.flush()
            os.fsync(file.fileno())
        removed = [row for row in _rows_of(path) if row not in present]
        if removed:
            _write_removals(folder / "removed", path.stem, header, removed, at)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    whole_files.sync_folder(folder)
    return Written(path, len(present), len(removed))


def _keep(writer: Rows, header: Row, rows: Iterable[Row]) -> Iterator[Row]:
    """Write rows and yield them; one that stands there already is left out."""
    seen: set[Row] = set()
    writer.writerow(header)
    for row in rows:
        if row not in seen:
            seen.add(row)
            writer.writerow(row)
            yield row


def _rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of a list, if there is one."""
    if not path.exists():
        return
    with path.open(encoding="ascii", newline="") as file:
        for row in list(csv.reader(file))[1:]:
            if len(row) == 2:
                yield row[0], row[1]


def _write_removals(folder: Path, name: str, header: Row, rows: list[Row], at: datetime) -> None:
    """Write who left; what was written in the same second before stays with them."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.{re.sub(r'[^0-9T]', '', at.isoformat()[:19])}.csv"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [header, *dict.fromkeys((*_rows_of(path), *rows))]
    )
    whole_files.write_whole(folder, {path.name: text.getvalue().encode()})
