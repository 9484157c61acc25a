"""Lists for people: a CSV file a day, to which rows are only ever added.

A row is known by its key, so writing it twice leaves one. What a crash left of a last line is
cut off by the next one who writes. Rows are on the disk before anybody is told.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

KEY = "key"
LONGEST = 100_000
"""Characters of one cell; spreadsheets, and Python's own reader, take little more."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class DayLists:
    """The lists in one folder, all with the same columns after ``key``."""

    folder: Path
    columns: Sequence[str]
    as_they_are: frozenset[str] = frozenset()
    """Columns that may begin with ``+``: their values were checked, as phone numbers are."""

    def add(self, day: date, rows: Mapping[str, Mapping[str, str]]) -> None:
        """Add the rows that a day's list does not have; return when they are on the disk.

        Args:
            rows: key → column → value.
        Raises:
            OSError: the list cannot be written; a part of a row may be there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{day.isoformat()}.csv"
        with _alone(path) as descriptor:
            there = _whole_rows(descriptor)
            reader = csv.DictReader(io.StringIO(there, newline=""))
            known = {row[KEY] for row in reader}
            fresh = {key: row for key, row in rows.items() if key not in known}
            _append(descriptor, self._lines(fresh, with_header=not there))

    def _lines(self, rows: Mapping[str, Mapping[str, str]], *, with_header: bool) -> bytes:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        if with_header:
            writer.writerow([KEY, *self.columns])
        for key, row in rows.items():
            cells = [self._cell(name, row.get(name, "")) for name in self.columns]
            writer.writerow([key, *cells])
        return out.getvalue().encode("utf-8", "backslashreplace")

    def _cell(self, name: str, text: str) -> str:
        """Return a cell that no spreadsheet takes for a formula."""
        text = text.replace("\x00", "")
        return f"'{text}" if name not in self.as_they_are and text.startswith(_FORMULA) else text


def fits(row: Mapping[str, str]) -> bool:
    """Return whether no cell of a row is too long."""
    return all(len(cell) <= LONGEST for cell in row.values())


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Open a file to read and append, while no other process of this machine does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            from fcntl import LOCK_EX, flock  # noqa: PLC0415  # not on every system
        except ImportError:
            pass
        else:
            flock(descriptor, LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def _whole_rows(descriptor: int) -> str:
    """Return the whole rows of a file, and cut off what follows the last of them."""
    octets = os.pread(descriptor, _size(descriptor), 0)
    end = _end_of_rows(octets)
    if end < len(octets):
        os.ftruncate(descriptor, end)
    return octets[:end].decode("utf-8", "replace")


def _end_of_rows(octets: bytes) -> int:
    """Return where the last whole row ends: at a line's end that stands in no quotes."""
    end = octets.rfind(b"\r\n") + 2
    while end >= 2 and octets[:end].count(b'"') % 2:
        end = octets.rfind(b"\r\n", 0, end - 2) + 2
    return max(0, end) if end >= 2 else 0


def _append(descriptor: int, octets: bytes) -> None:
    if octets:
        os.lseek(descriptor, 0, os.SEEK_END)
        left = memoryview(octets)
        while left:
            left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)
