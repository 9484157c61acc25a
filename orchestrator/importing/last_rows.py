"""The last row of each customer in a file, kept on the disk: the last writer wins (semantics 5)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from orchestrator.database_faults import database_faults

PAGE_ROWS = 20_000
CACHE_KIB = 32_768


@dataclass(frozen=True)
class LastRow:
    """One row that no later row of the same shape replaces."""

    external_id: str
    cells: list[str]


class LastRows:
    """A private temporary database: rows in, the last one per customer and shape out.

    The shape is which columns a row has: in JSON lines they differ, and a later row with
    other columns does not replace an earlier one.
    """

    def __init__(self) -> None:
        self.shapes: dict[tuple[str, ...], int] = {}
        self.replaced = 0
        self._rows = 0
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE last (shape INTEGER, external_id TEXT, cells TEXT,"
            " PRIMARY KEY (shape, external_id)) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def add(self, columns: tuple[str, ...], rows: Sequence[LastRow]) -> None:
        """Keep the rows, each instead of an earlier one of its customer and shape."""
        shape = self.shapes.setdefault(columns, len(self.shapes))
        written = [(shape, row.external_id, json.dumps(row.cells)) for row in rows]
        with database_faults():
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO last VALUES (?, ?, ?)", written)
            self._database.execute("COMMIT")
        self._rows += len(rows)

    def pages(self) -> Iterator[tuple[tuple[str, ...], list[LastRow]]]:
        """Yield (columns, rows) of one shape after the other, rows by external id."""
        with database_faults():
            kept = self._database.execute("SELECT count(*) FROM last").fetchone()[0]
        self.replaced = self._rows - kept
        for columns, shape in self.shapes.items():
            rows = self._database.execute(
                "SELECT external_id, cells FROM last WHERE shape = ? ORDER BY external_id", (shape,)
            )
            while page := rows.fetchmany(PAGE_ROWS):
                yield columns, [LastRow(name, json.loads(cells)) for name, cells in page]
