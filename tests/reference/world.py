"""Plain facts about a handful of customers, as somebody would list them on paper."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True)
class Person:
    """One customer; ``attributes`` are raw texts, exactly as a file would have them."""

    external_id: str
    email: str | None = None
    phone: str | None = None
    push_token: str | None = None
    locale: str | None = None
    timezone: str | None = None
    preferred_channel: str | None = None
    created_at: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def base(self) -> int:
        """What buckets are computed from (rule 22)."""
        return first_digits(self.external_id) % PRIME


@dataclass(frozen=True)
class Happening:
    """One event; ``properties`` are raw texts."""

    source_id: str
    customer: str
    name: str
    occurred_at: datetime
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsentAct:
    """One act of consent or withdrawal; without ``at`` it holds since ever."""

    customer: str
    topic: str
    at: datetime | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class ReceiptFact:
    """What became of a message: opened, clicked, bounced …"""

    source_id: str
    customer: str
    message: str
    kind: str
    at: datetime
    flow: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class World:
    """Everything that was ever imported."""

    people: tuple[Person, ...] = ()
    happenings: tuple[Happening, ...] = ()
    consents: tuple[ConsentAct, ...] = ()
    receipts: tuple[ReceiptFact, ...] = ()
    suppressed: frozenset[tuple[str, str]] = frozenset()
    """(``email`` | ``phone`` | ``push_token``, address)."""

    def person(self, external_id: str) -> Person:
        """Return the customer of that id."""
        return next(one for one in self.people if one.external_id == external_id)

    def first_event_at(self, external_id: str) -> datetime | None:
        """Return when the customer's earliest event was."""
        times = [one.occurred_at for one in self.happenings if one.customer == external_id]
        return min(times, default=None)

    def born(self, person: Person) -> datetime | None:
        """Return since when a customer exists; None is since ever (rule 2)."""
        return person.created_at or self.first_event_at(person.external_id)

    def existing(self, now: datetime) -> list[Person]:
        """Return the customers that exist at ``now``."""
        born = [(self.born(person), person) for person in self.people]
        return [person for since, person in born if since is None or since <= now]

    def plus(self, other: World) -> World:
        """Return both worlds' facts together, for imports between two ticks."""
        known = {person.external_id for person in other.people}
        return replace(
            self,
            people=(*(p for p in self.people if p.external_id not in known), *other.people),
            happenings=self.happenings + other.happenings,
            consents=self.consents + other.consents,
            receipts=self.receipts + other.receipts,
            suppressed=self.suppressed | other.suppressed,
        )


PRIME = 2147483647


def first_digits(text: str) -> int:
    """Return ``h(x)``: the first 8 hex digits of the SHA-256 of the text (rule 22)."""
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:8], 16)


def bucket(base: int, seed: str) -> int:
    """Return the bucket 0…9999 of a customer for a seed (rule 22)."""
    slope = 1 + first_digits("a:" + seed) % (PRIME - 1)
    offset = first_digits("b:" + seed) % PRIME
    return (slope * base + offset) % PRIME % 10_000


def composed(text: str) -> str:
    """Return text in NFC, the form all text is compared in (rule 6)."""
    return unicodedata.normalize("NFC", text)
