"""Files as batches of raw rows: CSV, JSON lines and Parquet, also gzipped.

A file is read twice: once to see that all of it is UTF-8 text, so that a bad one is refused
before its first row, and once for its rows. Memory does not depend on its size.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from orchestrator.errors import EnvironmentFault, UsageError
from orchestrator.importing.columns import FileRefusedError

BATCH_ROWS = 100_000
BATCH_CHARACTERS = 32_000_000
"""A batch ends early when its rows are long."""
LONGEST_FIELD = 65_536
LONGEST_ROW = 1_048_576
"""Characters."""
CHUNK = 1 << 20

Reject = Callable[[int, str, str], None]
"""(line, reason, raw row) of a row that cannot be read."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a file that have the same columns."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    """Cells as text, in the order of ``columns``; an empty one is missing."""
    lines: Sequence[int]
    """Of each row, where it begins in the file, from 1."""


class Source(Protocol):
    """A file being read."""

    columns: tuple[str, ...] | None
    """From its header; None where each row names its own."""

    def batches(self, reject: Reject) -> Iterator[Batch]:
        """Yield all rows, in order; rows that cannot be read are rejected."""


@dataclass
class Reading:
    """How far a file has been read, for a progress bar."""

    path: Path
    total: int
    """Bytes of the file, as it lies on the disk."""
    _file: BinaryIO | None = None

    def position(self) -> int:
        """Return how many of them have been read."""
        try:
            return self._file.tell() if self._file is not None else 0
        except ValueError:
            return self.total

    @contextmanager
    def bytes(self) -> Iterator[BinaryIO]:
        """Open the file, unpacked."""
        with open_bytes(self.path) as raw:
            self._file = raw
            yield unpacked(raw, self.path)

    @contextmanager
    def text(self) -> Iterator[io.TextIOWrapper]:
        """Open the file as text without its byte order mark, line ends as they are."""
        with self.bytes() as raw:
            yield io.TextIOWrapper(
                io.BufferedReader(cast("io.RawIOBase", raw), CHUNK),
                encoding="utf-8-sig",
                newline="",
            )


def open_bytes(path: Path) -> BinaryIO:
    """Open a file to read.

    Raises:
        EnvironmentFault: it is not there or cannot be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise EnvironmentFault(
            f"The file {path} cannot be read: {os.strerror(error.errno or 0)}."
        ) from error


def unpacked(raw: BinaryIO, path: Path) -> BinaryIO:
    """Return the bytes inside a ``.gz`` file, of another file itself."""
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw


def inner_suffix(path: Path) -> str:
    """Return the suffix that says the format: ``.csv`` of ``x.csv.gz``."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


def format_of(path: Path) -> str:
    """Return ``csv``, ``jsonl`` or ``parquet`` by the file's name.

    Raises:
        UsageError: by another name.
    """
    suffix = inner_suffix(path)
    if suffix not in FORMATS:
        raise UsageError(
            f'the name "{path.name}" does not say what format the file has',
            help=f"one of {', '.join(FORMATS)}, also with .gz behind it",
        )
    return FORMATS[suffix]


@dataclass(frozen=True)
class Survey:
    """What the first reading of a text file found."""

    has_nul: bool
    has_quotes: bool
    has_long_lines: bool
    """Whether a line may be a megabyte long."""


def survey_text(reading: Reading) -> Survey:
    """Read all of a text file and refuse it if it is not UTF-8.

    Raises:
        FileRefusedError: not UTF-8, empty, or a broken ``.gz``.
    """
    decode = codecs.getincrementaldecoder("utf-8")().decode
    line, first = 1, True
    has_nul = has_quotes = has_long_lines = False
    try:
        with reading.bytes() as raw:
            while chunk := raw.read(CHUNK):
                if first:
                    _refuse_wide(chunk)
                first = False
                has_nul = has_nul or b"\0" in chunk
                has_quotes = has_quotes or b'"' in chunk
                decode(chunk)
                lines = chunk.count(b"\n")
                has_long_lines = has_long_lines or (not lines and len(chunk) == CHUNK)
                line += lines
            decode(b"", True)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].count(b"\n")
        raise FileRefusedError(
            f"the file is not UTF-8: the first other byte is in line {line:,}",
            help="save it as UTF-8, or convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW",
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileRefusedError(
            "the file is no whole .gz: it cannot be unpacked to its end"
        ) from error
    if first:
        raise FileRefusedError("the file is empty")
    return Survey(has_nul, has_quotes, has_long_lines)


def _refuse_wide(start: bytes) -> None:
    head = start[:4096]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        head.count(b"\0") > len(head) // 5
    ):
        raise FileRefusedError(
            "the file is UTF-16 or no text at all",
            help="save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW",
        )
