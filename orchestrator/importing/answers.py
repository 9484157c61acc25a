"""Rows of a file to answers of webhooks, and those into the database (semantics 49)."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from orchestrator.answers import Answer, record_on
from orchestrator.columns import from_micros
from orchestrator.errors import NotFoundError
from orchestrator.importing.columns import ColumnMap, places_of
from orchestrator.importing.events import bad_time
from orchestrator.importing.instants import InstantReader
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.rejects import row_text
from orchestrator.importing.sources import Batch, Reject

REQUIRED = ("key", "at")
FIELDS = (*REQUIRED, "error")


@dataclass(frozen=True)
class AnswerRow:
    """One answer read from a file."""

    line: int
    raw: str
    answer: Answer


@dataclass
class AnswerReader:
    """Reads rows as answers; columns that are no ``FIELDS`` are what the webhook gave."""

    mapping: ColumnMap
    read_instant: InstantReader

    def read(self, batch: Batch, reject: Reject) -> list[AnswerRow]:
        """Return the answers of a batch, rejecting rows without key or time."""
        places = places_of(batch.columns, self.mapping)
        found = []
        for row, line in zip(batch.rows, batch.lines, strict=True):
            cells = {
                name: place.constant if place.column is None else row[place.column]
                for name, place in places.items()
            }
            at = self.read_instant(cells["at"])
            if not cells["key"].strip():
                reject(line, "key: empty", row_text(row))
            elif at is None:
                reject(line, bad_time("at", cells["at"]), row_text(row))
            else:
                fields = {name: text for name, text in cells.items() if name not in FIELDS}
                error = cells.get("error") or None
                answer = Answer(cells["key"].strip(), from_micros(at), fields, error)
                found.append(AnswerRow(line, row_text(row), answer))
        return found


def write_answers(
    connection: Connection,
    rows: list[AnswerRow],
    zone: ZoneInfo,
    *,
    outcome: Outcome,
    reject: Reject,
) -> None:
    """Keep the answers that are new; one of no call is rejected."""
    for row in rows:
        try:
            kept = record_on(connection, row.answer, zone)
        except NotFoundError:
            reject(row.line, "key: there is no such call of a webhook", row.raw)
            continue
        outcome.loaded += kept
        outcome.unchanged += not kept
