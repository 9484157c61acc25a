"""Rows that could not be loaded: a file of them, and how many for which reason."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from orchestrator.errors import EnvironmentFault

LONGEST_RAW = 4_096
"""Characters of a rejected row that are kept."""
MOST_WAITING = 32_000_000
"""Characters of rejected rows that wait for their turn."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutralized(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: ``'`` stands before one.

    Source: OWASP, CSV Injection.
    """
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def row_text(cells: Sequence[str]) -> str:
    """Return the cells as one line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


class Rejects:
    """A CSV file (line, reason, row) in the order of lines, made when the first row is rejected.

    A row may be rejected when it is read, when it is parsed or when it is written, so some rows
    wait until no earlier one can follow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self._waiting: list[tuple[int, str, str]] = []
        self._waiting_characters = 0
        self._file: TextIO | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.write_before(None)
        finally:
            if self._file is not None:
                self._file.close()

    def add(self, line: int, reason: str, raw: str) -> None:
        """Take one rejected row.

        Args:
            line: of the file, from 1; of Parquet the row.
            raw: the row as it stands there; cut past 4,096 characters.
        """
        self.count += 1
        self.reasons[reason] += 1
        self._waiting.append((line, reason, raw[:LONGEST_RAW]))
        self._waiting_characters += len(raw[:LONGEST_RAW])
        if self._waiting_characters > MOST_WAITING or len(self._waiting) > MOST_WAITING // 64:
            self.write_before(None)

    def write_before(self, line: int | None) -> None:
        """Write the rows before that line of the file: none of them can follow. None writes all."""
        ready = sorted(one for one in self._waiting if line is None or one[0] < line)
        self._waiting = [one for one in self._waiting if line is not None and one[0] >= line]
        self._waiting_characters = sum(len(raw) for _, _, raw in self._waiting)
        try:
            for one in ready:
                self._write(*one)
        except OSError as error:
            raise EnvironmentFault(
                f"The rejects file {self.path} cannot be written: {os.strerror(error.errno or 0)}."
            ) from error

    def _write(self, line: int, reason: str, raw: str) -> None:
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("line", "reason", "row"))
        shown = raw.rstrip("\r\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
        shown = shown.encode("utf-8", "replace").decode("utf-8")
        self._writer.writerow((line, reason, neutralized(shown)))
