"""What customers decide by the links in their messages: to leave, and what to get.

A withdrawal is written as one that a provider tells of: a receipt of the message whose link it
was, and acts in the consent log, which no import takes back (semantics 5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, insert, select, text, type_coerce

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.line import Line
from orchestrator.delivery.links import Wish
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import People
from orchestrator.importing.receipt_rows import write_receipts
from orchestrator.importing.receipts import ReceiptRow
from orchestrator.importing.staging import mark_dirty

MARKETING = "marketing"


class Act(NamedTuple):
    """The latest word about one topic of one customer."""

    is_subscribed: bool
    at: int
    """Microseconds since 1970; ``EVER`` lies before every date."""
    source: str


@dataclass(frozen=True)
class Holder:
    """The customer whose link it is, as far as a page needs to know."""

    id: int
    """Row id."""
    locale: str | None
    acts: Mapping[str, Act]
    """Topic → the latest word about it."""

    def subscribed(self) -> frozenset[str]:
        """Return the topics subscribed to."""
        return frozenset(topic for topic, act in self.acts.items() if act.is_subscribed)


@dataclass(frozen=True)
class Decided:
    """What came of a customer's decision."""

    customer: int | None
    """Row id; None of one who is gone."""
    is_new: bool
    """False where everything was so already."""


def holder_of(connection: Connection, wish: Wish) -> Holder | None:
    """Return whose link it is, by id or alias; None of a customer who is gone."""
    ids = People().find(connection, {wish.message.customer})
    found = ids.get(wish.message.customer)
    if found is None:
        return None
    customer = tables.customer.c
    locale = connection.scalar(select(customer.locale).where(customer.id == found))
    return Holder(found, locale, _acts(connection, found))


def withdraw(
    line: Line, wish: Wish, topic: str | None, topics: Mapping[str, str], now: datetime
) -> Decided:
    """Withdraw a customer from a topic, or from all marketing; nothing if that is so already.

    Args:
        topic: None is all marketing there is and ever was.
        topics: of the catalog → their purposes.
    """

    def decide(change: _Change) -> bool:
        if change.is_known() if wish.mail else change.has_left(topic):
            return False
        change.leave(topic)
        return True

    return _decided(line, _Deciding(wish, topics, now, decide))


def choose(
    line: Line, wish: Wish, wanted: Collection[str], topics: Mapping[str, str], now: datetime
) -> Decided:
    """Subscribe a customer to just these of the marketing topics; to none of them is to leave all.

    Args:
        wanted: names that are no marketing topics count for nothing.
    """
    offered = {name for name, purpose in topics.items() if purpose == MARKETING}
    taken = offered & set(wanted)
    if not taken:
        return withdraw(line, wish, None, topics, now)

    def decide(change: _Change) -> bool:
        subscribed = change.holder.subscribed()
        given, left = sorted(taken - subscribed), sorted((subscribed & offered) - taken)
        for topic in left:
            change.leave(topic)
        for topic in given:
            change.join(topic)
        return bool(given or left)

    return _decided(line, _Deciding(wish, topics, now, decide))


@dataclass(frozen=True)
class _Change:
    """A change of one customer's consent, inside its transaction."""

    connection: Connection
    wish: Wish
    holder: Holder
    topics: Mapping[str, str]
    now: datetime

    def has_left(self, topic: str | None) -> bool:
        """Return whether the customer or a flow has said so: an import may take back its own."""
        asked = {topic} if topic is not None else self._marketing()
        acts = [self.holder.acts.get(one) for one in asked]
        return all(act and not act.is_subscribed and act.source != "import" for act in acts)

    def is_known(self) -> bool:
        """Return whether the mail of this wish was read before: who came back since may stay."""
        query = select(tables.receipt.c.id).where(
            tables.receipt.c.source_id == self._source_id(self.wish.topic)
        )
        return self.connection.execute(query).first() is not None

    def leave(self, topic: str | None) -> None:
        """Write the withdrawal as a receipt, and against grants that are dated ahead."""
        write_receipts(
            self.connection,
            [self._receipt(topic)],
            People(),
            topics=self.topics,
            outcome=Outcome(),
            reject=never_rejected,
        )
        for one in {topic} if topic is not None else self._marketing():
            act = self.holder.acts.get(one)
            if act and act.is_subscribed and act.at >= to_micros(self.now):
                self._write(one, act.at, withdrawn=1)

    def join(self, topic: str) -> None:
        """Write the customer's own consent, after whatever was said before."""
        act = self.holder.acts.get(topic)
        now = to_micros(self.now)
        self._write(topic, max(now, act.at + 1) if act else now, withdrawn=0)
        mark_dirty(self.connection, {self.holder.id})

    def _marketing(self) -> set[str]:
        """Return the topics of marketing, and those that only the log knows."""
        known = {name for name, purpose in self.topics.items() if purpose == MARKETING}
        return known | (self.holder.acts.keys() - self.topics.keys())

    def _receipt(self, topic: str | None) -> ReceiptRow:
        return ReceiptRow(
            line=0,
            raw="",
            customer=self.wish.message.customer,
            message=self._message(),
            kind="unsubscribed",
            at=to_micros(self.now),
            flow=self.wish.message.flow or None,
            channel=self.wish.message.channel,
            topic=topic,
            source_id=self._source_id(topic),
        )

    def _source_id(self, topic: str | None) -> str:
        """Return the id of the act: of a link one for each time, of a mail one for ever."""
        wish = self.wish
        about = hashlib.sha256(f"{wish.key} {topic or ''}".encode()).hexdigest()[:32]
        return f"mail:{about}:{wish.mail}" if wish.mail else f"link:{about}:{to_micros(self.now)}"

    def _message(self) -> str:
        """Return the name of the message that the link came in, or its step if the row is gone."""
        row, part = tables.message.c, self.wish.message
        found: str | None = self.connection.scalar(
            select(row.message).where(
                row.customer_id == self.holder.id,
                row.flow == part.flow,
                row.entry == part.entry,
                row.step == part.step,
                row.occurrence == part.occurrence,
                row.channel == part.channel,
                row.generation == part.generation,
            )
        )
        return found or part.step

    def _write(self, topic: str, at: int, *, withdrawn: int) -> None:
        act = {"topic": topic, "withdrawn": withdrawn, "at": at, "source": "customer"}
        self.connection.execute(insert(tables.consent).values(customer_id=self.holder.id, **act))


def never_rejected(line: int, reason: str, raw: str) -> None:
    """Stand where an import would reject a row: what is made here has no such rows."""
    raise AssertionError(reason)


class _Deciding(NamedTuple):
    wish: Wish
    topics: Mapping[str, str]
    now: datetime
    decide: Callable[[_Change], bool]
    """Makes the change; returns whether there was anything to change."""


def _decided(line: Line, deciding: _Deciding) -> Decided:
    """Decide in one transaction; two about one customer take turns."""

    def work(connection: Connection) -> Decided:
        holder = holder_of(connection, deciding.wish)
        if holder is None:
            return Decided(None, is_new=False)
        if connection.dialect.name == "postgresql":
            connection.execute(_TAKE_TURNS, {"customer": holder.id})
            holder = replace(holder, acts=_acts(connection, holder.id))
        change = _Change(connection, deciding.wish, holder, deciding.topics, deciding.now)
        return Decided(holder.id, is_new=deciding.decide(change))

    return line.write(work)


def _acts(connection: Connection, customer: int) -> dict[str, Act]:
    """Return the latest word about each topic; at equal instants the withdrawal."""
    act = tables.consent.c
    query = (
        select(act.topic, act.withdrawn, type_coerce(act.at, BigInteger), act.source)
        .where(act.customer_id == customer)
        .order_by(act.at, act.withdrawn, act.id)
    )
    return {
        topic: Act(not withdrawn, at, source)
        for topic, withdrawn, at, source in connection.execute(query)
    }


_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(1971, CAST(:customer % 2147483647 AS INTEGER))")
