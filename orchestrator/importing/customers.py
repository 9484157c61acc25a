"""Rows of a file to customers: which are rejected, and what the others set (semantics 5, 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.importing.addresses import clean_id, clean_phone, is_email
from orchestrator.importing.columns import ColumnMap, Place, places_of
from orchestrator.importing.events import bad_name, bad_time
from orchestrator.importing.instants import InstantReader
from orchestrator.importing.last_rows import LastRow
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.rejects import row_text
from orchestrator.importing.sources import Batch, Reject
from orchestrator.language.durations import parse_time
from orchestrator.values import Typed, members, nfc

REQUIRED = ("id",)
TEXTS = ("email", "phone", "push_token", "locale", "timezone")
"""Columns of ``customer`` that a file sets as they are."""
COLUMNS = (*TEXTS, "preferred_channel", "preferred_time", "created_at")
CONSENT = ("subscribed_to", "consented_at")
KNOWN = ("id", *COLUMNS, *CONSENT)


@dataclass(frozen=True)
class Person:
    """What one row says of one customer; None is missing."""

    external_id: str
    facts: tuple[str | int | None, ...]
    """Values of the ``customer`` columns that the file has, in its order of ``Shape.columns``."""
    attributes: tuple[Typed | None, ...]
    """Values of ``Shape.attributes``."""
    topics: tuple[str, ...]
    consented_at: int | None


@dataclass(frozen=True)
class Shape:
    """Which columns some rows have."""

    places: Mapping[str, Place]
    columns: tuple[str, ...]
    attributes: tuple[str, ...]
    has_consent: bool

    @classmethod
    def of(cls, columns: Sequence[str], mapping: ColumnMap) -> Shape:
        """Return the shape of rows with these columns."""
        places = places_of(columns, mapping)
        return cls(
            places,
            tuple(name for name in COLUMNS if name in places),
            tuple(sorted(places.keys() - set(KNOWN))),
            "subscribed_to" in places,
        )

    def cell(self, name: str, row: Sequence[str]) -> str:
        """Return a field's raw value in a row; empty if these rows do not have it."""
        place = self.places.get(name, Place(None))
        return place.constant if place.column is None else row[place.column]


@dataclass
class CustomerReader:
    """Reads rows as customers, and counts what the catalog thinks of their attributes."""

    mapping: ColumnMap
    parse: Callable[[str], Typed]
    read_instant: InstantReader
    types: Mapping[str, str] | None
    """Attribute → type, as the catalog has them; None without a catalog."""
    topics: frozenset[str] | None
    """Topics the catalog has."""
    outcome: Outcome
    computed: frozenset[str] = frozenset()
    """Attributes that the catalog computes from events: what is imported of them is not asked."""
    _shapes: dict[tuple[str, ...], Shape] = field(default_factory=dict)

    def shape(self, columns: tuple[str, ...]) -> Shape:
        """Return the shape of rows with these columns."""
        if columns not in self._shapes:
            self._shapes[columns] = Shape.of(columns, self.mapping)
        return self._shapes[columns]

    def accept(self, batch: Batch, reject: Reject) -> Iterator[LastRow]:
        """Yield the rows that have a good id, e-mail, phone and times; reject the others."""
        shape = self.shape(batch.columns)
        for row, line in zip(batch.rows, batch.lines, strict=True):
            refusal = self._refusal(shape, row)
            if refusal is None:
                yield LastRow(nfc(shape.cell("id", row)), list(row))
            else:
                reject(line, refusal, row_text(row))

    def _refusal(self, shape: Shape, row: Sequence[str]) -> str | None:
        if not clean_id(shape.cell("id", row)):
            return bad_name("id", shape.cell("id", row))
        email = shape.cell("email", row)
        if email and not is_email(nfc(email)):
            return "email: not one address that mail can be sent to"
        phone = shape.cell("phone", row)
        if phone and clean_phone(phone) is None:
            return "phone: not +, country code and number (E.164)"
        for name in ("created_at", "consented_at"):
            raw = shape.cell(name, row)
            if raw and self.read_instant(raw) is None:
                return bad_time(name, raw)
        return None

    def read(self, columns: tuple[str, ...], rows: Sequence[LastRow]) -> list[Person]:
        """Return what accepted rows say."""
        shape = self.shape(columns)
        people = [self._person(shape, row) for row in rows]
        if self.types is not None:
            for number, name in enumerate(shape.attributes):
                self._count(name, [person.attributes[number] for person in people])
        if self.topics is not None:
            listed = {topic for person in people for topic in person.topics}
            self.outcome.undeclared_columns |= {f"topic {one}" for one in listed - self.topics}
        return people

    def _person(self, shape: Shape, row: LastRow) -> Person:
        cells = row.cells
        consented_at = shape.cell("consented_at", cells)
        return Person(
            row.external_id,
            tuple(self._fact(name, shape.cell(name, cells)) for name in shape.columns),
            tuple(self._attribute(shape.cell(name, cells)) for name in shape.attributes),
            self._topics(shape.cell("subscribed_to", cells)),
            self.read_instant(consented_at) if consented_at else None,
        )

    def _attribute(self, raw: str) -> Typed | None:
        return self.parse(raw) if raw else None

    def _fact(self, name: str, raw: str) -> str | int | None:
        """Return a cell as its column of ``customer`` stores it."""
        if not raw:
            return None
        if name == "created_at":
            return self.read_instant(raw)
        if name == "phone":
            return clean_phone(raw)
        if name == "preferred_time" and parse_time(raw) is None:
            self.outcome.unparsable[name] += 1
            return None
        return nfc(raw)

    def _topics(self, raw: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(topic for topic in members(nfc(raw)) if clean_id(topic)))

    def _count(self, name: str, values: Sequence[Typed | None]) -> None:
        kind = (self.types or {}).get(name)
        if name in self.computed:
            self.outcome.computed_columns.add(name)
            return
        if kind is None:
            self.outcome.undeclared_columns.add(name)
            return
        found = [typed for typed in values if typed is not None]
        self.outcome.missing[name] += len(values) - len(found)
        if found:
            self.outcome.found.add(name)
        if kind != "text":
            self.outcome.unparsable[name] += sum(not typed.reads_as(kind) for typed in found)
