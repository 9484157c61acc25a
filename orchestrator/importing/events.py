"""Rows of a file to events, column by column (semantics 2-7).

Each distinct cell of a batch is parsed once: real files repeat themselves.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import compress
from operator import itemgetter
from typing import TypeVar, cast

from orchestrator.flow.told import is_reserved
from orchestrator.importing.addresses import clean_id, clean_ids
from orchestrator.importing.columns import ColumnMap, Place, places_of
from orchestrator.importing.instants import EARLIEST, InstantReader
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.rejects import row_text
from orchestrator.importing.sources import Batch, Reject
from orchestrator.values import Typed

FIELDS = ("customer_id", "event", "at", "id")
REQUIRED = ("customer_id", "event", "at")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_quoted = json.encoder.encode_basestring

T = TypeVar("T")

Declared = Mapping[str, Mapping[str, str]]
"""Event → property → type, as the catalog has them."""


@dataclass
class Events:
    """Some events as parallel lists, in the order of the file."""

    customers: Sequence[str]
    """External ids."""
    names: Sequence[str]
    instants: Sequence[int]
    """Microseconds since 1970, UTC."""
    source_ids: Sequence[str]
    properties: Sequence[str]
    """A JSON object of the non-empty properties, sorted by name; every value is text."""
    values: Mapping[str, Sequence[Typed | None]]
    """Property → its value of each event; None is missing."""
    named_by_file: bool
    """Whether ``source_ids`` are the file's own, so that two different rows may share one."""

    def __len__(self) -> int:
        return len(self.names)

    def only(self, kept: Sequence[bool]) -> Events:
        """Return the events for which ``kept`` is true."""
        if all(kept):
            return self
        return self.chosen([number for number, mine in enumerate(kept) if mine])

    def chosen(self, numbers: Sequence[int]) -> Events:
        """Return the events of these numbers, in their order."""
        pick = picker(numbers)
        return Events(
            pick(self.customers),
            pick(self.names),
            pick(self.instants),
            pick(self.source_ids),
            pick(self.properties),
            {key: pick(column) for key, column in self.values.items()},
            self.named_by_file,
        )


def picker(numbers: Sequence[int]) -> Callable[[Sequence[T]], Sequence[T]]:
    """Return what takes the elements of these numbers out of a list."""
    if len(numbers) < 2:
        return lambda column: [column[number] for number in numbers]
    return itemgetter(*numbers)


def hashed_ids(written: Iterable[str], instants: Iterable[int]) -> list[str]:
    """Return what identifies rows that have no ``id``: equal rows are one.

    ``~``, nine hexadecimal digits and 16 characters each: the seconds from 1900 to the row's
    instant, and the first 12 bytes of a SHA-256 as base64url. Ids that begin with the time lie
    beside each other in their index, as the rows of a log do, and not all over it.

    Args:
        written: of each row what makes it one: its fields in a fixed order, with unit separators
            between them, which none of them can hold.
        instants: of each row, in microseconds since 1970, from 1900 on.
    """
    digests = [sha256(one.encode("utf-8")).digest()[:12] for one in written]
    encoded = b2a_base64(b"".join(digests), newline=False)
    whole = encoded.translate(_URL_SAFE).decode("ascii")
    starts = range(0, len(whole), 16)
    return [
        f"~{(at - EARLIEST) // 1_000_000:09x}{whole[start : start + 16]}"
        for at, start in zip(instants, starts, strict=True)
    ]


@dataclass
class EventReader:
    """Reads batches of rows as events, and counts what the catalog thinks of them."""

    mapping: ColumnMap
    parse: Callable[[str], Typed]
    read_instant: InstantReader
    declared: Declared | None
    """None without a catalog: nothing is counted."""
    outcome: Outcome

    def read(self, batch: Batch, reject: Reject) -> Events:
        """Return the events of a batch; rows with a bad id, name or time are rejected."""
        columns = _Columns(batch.rows, places_of(batch.columns, self.mapping))
        customers = clean_ids(columns.cells("customer_id"))
        names = _own_names(clean_ids(columns.cells("event")))
        instants = columns.each("at", self.read_instant)
        given = columns.cells("id")
        named = any(given)
        ids = columns.each("id", _own_id) if named else [None] * columns.count
        if None in customers or None in names or None in instants or named:
            checked = zip(customers, names, instants, ids, given, strict=True)
            refusals = [
                None
                if customer and name and instant is not None and (one or not raw)
                else _refusal(columns, number)
                for number, (customer, name, instant, one, raw) in enumerate(checked)
            ]
            if any(refusals):
                return self.read(_without(batch, refusals, reject), reject)
        events = self._events(
            columns, cast("Sequence[str]", customers), cast("Sequence[str]", names), instants, ids
        )
        if self.declared is not None:
            self._count_declared(events)
        return events

    def _events(
        self,
        columns: _Columns,
        customers: Sequence[str],
        names: Sequence[str],
        found: Sequence[int | None],
        ids: Sequence[str | None],
    ) -> Events:
        """Return rows whose id, name and time are good."""
        instants = cast("Sequence[int]", found)
        properties, values = self._properties(columns)
        parts = zip(customers, names, instants, properties, strict=True)
        written = [f"{who}\x1f{what}\x1f{at}\x1f{text}" for who, what, at, text in parts]
        source_ids = hashed_ids(written, instants)
        named = any(ids)
        if named:
            source_ids = [one or other for one, other in zip(ids, source_ids, strict=True)]
        return Events(customers, names, instants, source_ids, properties, values, named)

    def _properties(self, columns: _Columns) -> tuple[list[str], dict[str, list[Typed | None]]]:
        """Return each row's properties as JSON, and each property's values."""
        values: dict[str, list[Typed | None]] = {}
        written: list[list[str | None]] = []
        for key in sorted(columns.places.keys() - set(FIELDS)):
            cells = columns.cells(key)
            start = f"{_quoted(key)}:"
            typed: dict[str, Typed | None] = {"": None}
            parts: dict[str, str | None] = {"": None}
            for raw in set(cells) - {""}:
                typed[raw] = value = self.parse(raw)
                parts[raw] = start + _quoted(value.text or "")
            values[key] = list(map(typed.__getitem__, cells))
            written.append(list(map(parts.__getitem__, cells)))
        if not written:
            return ["{}"] * columns.count, values
        rows = zip(*written, strict=True)
        return ["{" + ",".join(filter(None, row)) + "}" for row in rows], values

    def _count_declared(self, events: Events) -> None:
        """Count missing and unparsable values of declared properties; note undeclared names."""
        declared = self.declared or {}
        outcome = self.outcome
        outcome.undeclared_events |= set(events.names) - declared.keys()
        for name in set(events.names) & declared.keys():
            mine = [one == name for one in events.names]
            types = declared[name]
            for key, column in events.values.items():
                found = [typed for typed in compress(column, mine) if typed is not None]
                if key not in types:
                    if found:
                        outcome.undeclared_columns.add(f"{name}.{key}")
                    continue
                outcome.missing[f"{name}.{key}"] += sum(mine) - len(found)
                if found:
                    outcome.found.add(f"{name}.{key}")
                if types[key] != "text":
                    bad = sum(not typed.reads_as(types[key]) for typed in found)
                    outcome.unparsable[f"{name}.{key}"] += bad
            for key in types.keys() - events.values.keys():
                outcome.missing[f"{name}.{key}"] += sum(mine)


def _own_names(names: Sequence[str | None]) -> Sequence[str | None]:
    """Return names of events without those that only flows write."""
    if not any(name and is_reserved(name) for name in set(names)):
        return names
    return [None if name and is_reserved(name) else name for name in names]


def _own_id(raw: str) -> str | None:
    id = clean_id(raw)
    return None if id and is_reserved(id) else id


def _without(batch: Batch, refusals: Sequence[str | None], reject: Reject) -> Batch:
    """Reject the rows that have a refusal and return the others."""
    rows, lines = [], []
    for row, line, refusal in zip(batch.rows, batch.lines, refusals, strict=True):
        if refusal is None:
            rows.append(row)
            lines.append(line)
        else:
            reject(line, refusal, row_text(row))
    return Batch(batch.columns, rows, lines)


class _Columns:
    """Rows turned into columns, by field."""

    def __init__(self, rows: Sequence[Sequence[str]], places: Mapping[str, Place]) -> None:
        self.count = len(rows)
        self.places = places
        self._columns: list[Sequence[str]] = list(zip(*rows, strict=True))

    def cells(self, name: str) -> Sequence[str]:
        """Return the raw values of a field; of a constant or unknown one, the same for all."""
        place = self.places.get(name, Place(None))
        if place.column is None or not self.count:
            return [place.constant] * self.count
        return self._columns[place.column]

    def each(self, name: str, read: Callable[[str], T]) -> list[T]:
        """Return what each cell of a field reads as; where many are equal, once for all of them."""
        cells = self.cells(name)
        distinct = set(cells)
        if len(distinct) * 2 > len(cells):
            return list(map(read, cells))
        found = {raw: read(raw) for raw in distinct}
        return list(map(found.__getitem__, cells))


def _refusal(columns: _Columns, number: int) -> str:
    """Return why a row is no event: the first of its fields that is bad."""
    raw = {name: columns.cells(name)[number] for name in FIELDS}
    for name in ("customer_id", "event"):
        if not clean_id(raw[name]):
            return bad_name(name, raw[name])
    if is_reserved(raw["event"]):
        return "event: names that begin with told: or answer: are written by flows"
    if raw["id"] and not clean_id(raw["id"]):
        return bad_name("id", raw["id"])
    if is_reserved(raw["id"]):
        return "id: what begins with told: or answer: is written by flows"
    return bad_time("at", raw["at"])


def bad_name(field: str, raw: str) -> str:
    """Return the reason for an id or name that is none."""
    if not raw.strip():
        return f"{field}: empty"
    return f"{field}: padded with spaces, too long or with control characters"


def bad_time(field: str, raw: str) -> str:
    """Return the reason for a time that is none."""
    if not raw.strip():
        return f"{field}: empty"
    return f"{field}: no time of the years 1900 to 2200 in the expected form"
