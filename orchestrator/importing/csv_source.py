"""CSV, read strictly: a row that cannot be told apart is rejected alone."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import compress, islice
from typing import TextIO

from orchestrator.importing.columns import FileRefusedError
from orchestrator.importing.sources import (
    BATCH_CHARACTERS,
    BATCH_ROWS,
    LONGEST_FIELD,
    LONGEST_ROW,
    Batch,
    Reading,
    Reject,
    survey_text,
)
from orchestrator.values import nfc

MOST_LINES = 1_000
"""Lines that one row with quoted line breaks may run over."""
_OTHER_DELIMITERS = {";": "';'", "\t": "tab", "|": "'|'", ",": "','"}


class CsvSource:
    """A CSV file with a header. The delimiter is what its user says it is."""

    def __init__(self, reading: Reading, delimiter: str) -> None:
        self._reading = reading
        self._delimiter = delimiter
        csv.field_size_limit(LONGEST_FIELD)
        self._survey = survey_text(reading)
        with reading.text() as file:
            self.columns: tuple[str, ...] | None = self._header(file)

    def _header(self, file: TextIO) -> tuple[str, ...]:
        try:
            cells = next(csv.reader(file, delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            raise FileRefusedError(f"the header cannot be read: {error}") from error
        names = tuple(nfc(cell.strip()) for cell in cells)
        if len(names) == 1:
            self._refuse_delimiter(names[0])
        for number, name in enumerate(names):
            if not name:
                raise FileRefusedError(f"the header names no column {number + 1}")
            if not name.isprintable():
                raise FileRefusedError(f"the header's column {number + 1} has control characters")
            if name in names[:number]:
                raise FileRefusedError(f'the header has two columns "{name}"')
        if not names:
            raise FileRefusedError("the file has no header: its first line is empty")
        return names

    def _refuse_delimiter(self, name: str) -> None:
        for other, spoken in _OTHER_DELIMITERS.items():
            if other != self._delimiter and other in name:
                raise FileRefusedError(
                    f"the header is one single column; its cells seem to end with {spoken}",
                    help=f"say so: --delimiter {spoken}",
                )

    def batches(self, reject: Reject) -> Iterator[Batch]:
        """Yield the rows; a row with too many or too few cells is rejected."""
        found = self._survey
        if found.has_nul or found.has_quotes or found.has_long_lines:
            yield from self._careful_batches(reject)
        else:
            yield from self._plain_batches(reject)

    def _plain_batches(self, reject: Reject) -> Iterator[Batch]:
        """Yield the rows of a file without quotes, where every line is a row."""
        columns = self.columns or ()
        with self._reading.text() as file:
            reader = csv.reader(file, delimiter=self._delimiter)
            next(reader, None)
            before = 1
            while True:
                rows, error = _take(reader)
                whole = set(map(len, rows)) <= {len(columns)}
                lines: Sequence[int] = range(before + 1, before + 1 + len(rows))
                before = reader.line_num
                if not whole:
                    rows, lines = self._of_width(rows, lines, reject)
                if rows:
                    yield Batch(columns, rows, lines)
                if error:
                    reject(before, f"a field longer than {LONGEST_FIELD:,} characters", "")
                elif not rows and whole:
                    return

    def _of_width(
        self, rows: list[list[str]], lines: Sequence[int], reject: Reject
    ) -> tuple[list[list[str]], Sequence[int]]:
        """Reject rows with another number of cells; an empty line is no row."""
        width = len(self.columns or ())
        for row, line in zip(rows, lines, strict=True):
            if row and len(row) != width:
                reject(line, cells_reason(len(row), width), self._delimiter.join(row))
        kept = [len(row) == width for row in rows]
        return list(compress(rows, kept)), list(compress(lines, kept))

    def _careful_batches(self, reject: Reject) -> Iterator[Batch]:
        columns = self.columns or ()
        with self._reading.text() as file:
            records = _Records(file, self._delimiter, reject, has_nul=self._survey.has_nul)
            rows: list[list[str]] = []
            lines: list[int] = []
            for line, row in records.rows(len(columns)):
                rows.append(row)
                lines.append(line)
                if len(rows) >= BATCH_ROWS or records.characters > BATCH_CHARACTERS:
                    yield Batch(columns, rows, lines)
                    rows, lines, records.characters = [], [], 0
            if rows:
                yield Batch(columns, rows, lines)


def cells_reason(found: int, width: int) -> str:
    """Return the reason for a row of another width than the header."""
    return f"{found} {'cell' if found == 1 else 'cells'} where the header has {width}"


def _take(reader: Iterator[list[str]]) -> tuple[list[list[str]], bool]:
    """Return up to a batch of rows, and whether a field too long came next."""
    rows: list[list[str]] = []
    try:
        rows.extend(islice(reader, BATCH_ROWS))
    except csv.Error:
        return rows, True
    return rows, False


class _Records:
    """The rows of a CSV text, and what to do where there is none."""

    def __init__(self, file: TextIO, delimiter: str, reject: Reject, *, has_nul: bool) -> None:
        self._readline = file.readline
        self._delimiter = delimiter
        self._reject = reject
        self._has_nul = has_nul
        self._again: deque[str] = deque()
        """Lines to read once more: a row that never ended had swallowed them."""
        self._taken: list[str] = []
        """Lines of the row that is being read; the last one is line ``_number``."""
        self._number = 0
        self._bad: str | None = None
        self.characters = 0

    def rows(self, width: int) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, cells) of every row after the header that has ``width`` cells."""
        header_seen = False
        taken = self._taken
        while True:
            try:
                for row in csv.reader(self._feed(), delimiter=self._delimiter, strict=True):
                    if not header_seen:
                        header_seen = True
                    elif self._bad is not None:
                        self._refuse(self._bad)
                    elif len(row) == width:
                        yield self._number - len(taken) + 1, row
                    elif row:
                        self._refuse(cells_reason(len(row), width))
                    taken.clear()
                return
            except csv.Error as error:
                self._give_back(str(error))

    def _feed(self) -> Iterator[str]:
        again, taken, readline = self._again, self._taken, self._readline
        while line := (again.popleft() if again else readline(LONGEST_ROW + 1)):
            self._number += 1
            taken.append(line)
            self.characters += len(line)
            if len(line) > LONGEST_ROW:
                self._skip_rest(line)
            elif self._has_nul and "\0" in line:
                self._bad = "a NUL character"
            if len(taken) > MOST_LINES:
                raise csv.Error(_UNENDED)
            yield line

    def _skip_rest(self, line: str) -> None:
        self._bad = f"longer than {LONGEST_ROW:,} characters"
        while line and not line.endswith(("\n", "\r")):
            line = self._readline(LONGEST_ROW)

    def _refuse(self, reason: str) -> None:
        self._reject(self._number - len(self._taken) + 1, reason, "".join(self._taken))
        self._bad = None

    def _give_back(self, error: str) -> None:
        """Reject the row's first line, and read on with the line after it."""
        swallowed = self._taken[1:]
        self._number -= len(swallowed)
        del self._taken[1:]
        if self._bad is not None:
            self._refuse(self._bad)
        elif swallowed or _UNENDED in error:
            self._refuse("a quote that is never closed")
        elif "field limit" in error:
            self._refuse(f"a field longer than {LONGEST_FIELD:,} characters")
        else:
            self._refuse("a quote inside a cell that is not doubled")
        self._again.extendleft(reversed(swallowed))
        self._taken.clear()


_UNENDED = "unexpected end of data"
"""What ``csv`` says of a quote that is open where the file ends."""
