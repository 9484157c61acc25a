"""Rows of a file to receipts: what became of messages, as their providers tell."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.channels.spec import CHANNELS
from orchestrator.importing.addresses import clean_id
from orchestrator.importing.columns import ColumnMap, Place, places_of
from orchestrator.importing.events import bad_name, bad_time, hashed_ids
from orchestrator.importing.instants import InstantReader
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.rejects import row_text
from orchestrator.importing.sources import Batch, Reject

REQUIRED = ("customer_id", "message", "kind", "at")
FIELDS = (*REQUIRED, "flow", "channel", "topic", "id")
KINDS = (
    "accepted",
    "delivered",
    "bounced",
    "complained",
    "opened",
    "clicked",
    "replied",
    "unsubscribed",
)
DEFAULT_CHANNEL = "email"


@dataclass(frozen=True)
class ReceiptRow:
    """One receipt read from a file."""

    line: int
    raw: str
    customer: str
    message: str
    kind: str
    at: int
    """Microseconds since 1970, UTC."""
    flow: str | None
    channel: str | None
    topic: str | None
    """What an ``unsubscribed`` withdraws from; None is everything."""
    source_id: str
    is_permanent: bool = True
    """Of ``bounced``: whether the address is put out of use."""
    address: str | None = None
    """Which one bounced or complained; None is the one the customer has."""


@dataclass
class ReceiptReader:
    """Reads rows as receipts; columns it does not know are told of once."""

    mapping: ColumnMap
    read_instant: InstantReader
    outcome: Outcome

    def read(self, batch: Batch, reject: Reject) -> list[ReceiptRow]:
        """Return the receipts of a batch, rejecting rows with a bad field."""
        places = places_of(batch.columns, self.mapping)
        self.outcome.undeclared_columns |= places.keys() - set(FIELDS)
        found = []
        for row, line in zip(batch.rows, batch.lines, strict=True):
            cells = {
                name: place.constant if place.column is None else row[place.column]
                for name, place in ((name, places.get(name, Place(None))) for name in FIELDS)
            }
            receipt = self._receipt(cells, line, row_text(row))
            if isinstance(receipt, ReceiptRow):
                found.append(receipt)
            else:
                reject(line, receipt, row_text(row))
        return found

    def _receipt(self, cells: dict[str, str], line: int, raw: str) -> ReceiptRow | str:
        clean: dict[str, str | None] = {}
        for name in ("customer_id", "message"):
            clean[name] = clean_id(cells[name])
            if clean[name] is None:
                return bad_name(name, cells[name])
        for name in ("flow", "topic", "id"):
            clean[name] = clean_id(cells[name]) if cells[name] else None
            if cells[name] and clean[name] is None:
                return bad_name(name, cells[name])
        if cells["kind"] not in KINDS:
            return f"kind: none of {', '.join(KINDS)}"
        if cells["channel"] and cells["channel"] not in CHANNELS:
            return f"channel: none of {', '.join(CHANNELS)}"
        at = self.read_instant(cells["at"])
        if at is None:
            return bad_time("at", cells["at"])
        parts = [str(clean["customer_id"]), str(clean["message"]), cells["kind"], str(at)]
        parts += [clean["flow"] or "", cells["channel"], clean["topic"] or ""]
        return ReceiptRow(
            line,
            raw,
            str(clean["customer_id"]),
            str(clean["message"]),
            cells["kind"],
            at,
            clean["flow"],
            cells["channel"] or None,
            clean["topic"],
            clean["id"] or hashed_ids(["\x1f".join(parts)], [at])[0],
        )


def address_kind(channel: str | None) -> str | None:
    """Return which column of ``customer`` a channel's address stands in; None if in none."""
    return CHANNELS[channel or DEFAULT_CHANNEL].address
