"""Mail that came back, into the database: by the same way as what providers tell.

A bounce and a complaint are receipts (``receiving``), a wish to leave is what the link in the
same message would have done (``withdrawing``). The same mail twice changes nothing, and one that
names no message of ours changes nothing at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, bindparam, select

from orchestrator import tables
from orchestrator.channels.file import message_key, parts_of
from orchestrator.channels.mail.addresses import address
from orchestrator.channels.mail.headers import HeaderRefused
from orchestrator.channels.mail.reports import ReturnedMail
from orchestrator.channels.receipt import Receipt
from orchestrator.delivery.inbox import Inbox
from orchestrator.delivery.line import Line
from orchestrator.delivery.links import Links, Wish, marketing_topic
from orchestrator.delivery.receiving import Origin
from orchestrator.delivery.settle import settle
from orchestrator.delivery.withdrawing import withdraw
from orchestrator.playbook.model import Playbook

MAIL = Origin("email", "email")


@dataclass
class Taken:
    """What came of some mails."""

    read: int = 0
    new: Counter[str] = field(default_factory=Counter)
    """``bounced``, ``complained``, ``unsubscribed`` → how many were not known before."""
    repeated: int = 0
    unknown: int = 0
    """Mails that name no message of ours."""
    unproved: int = 0
    """Wishes to leave by an address that no secret known here has signed: forged, or the secret
    is not the one that mail was sent with."""
    noted: Counter[str] = field(default_factory=Counter)
    """``delayed``, ``automatic``, ``other`` → mails that change nothing."""

    def __add__(self, more: Taken) -> Taken:
        return Taken(
            self.read + more.read,
            self.new + more.new,
            self.repeated + more.repeated,
            self.unknown + more.unknown,
            self.unproved + more.unproved,
            self.noted + more.noted,
        )


class _About(NamedTuple):
    """The message that a mail is about, and whose it was."""

    provider_key: str
    customer: str
    """External id."""
    email: str | None
    """The address of the customer now."""
    flow: str
    entry: int
    step: str
    occurrence: str
    generation: int
    topic: str | None


@dataclass(frozen=True)
class Returns:
    """Takes mail that came back to one project."""

    engine: Engine
    playbook: Playbook
    links: Links
    """Knows what proves an address to leave by."""

    def take(self, mails: Sequence[ReturnedMail], now: datetime) -> Taken:
        """Return what came of some mails, once it is durable and true at the wire too.

        Raises:
            EnvironmentFault: the database failed; the same mails may come again.
        """
        line = Line(self.engine)
        taken, left = Taken(read=len(mails)), set[int]()
        try:
            about = line.read(lambda connection: _asked(connection, mails))
            receipts = []
            for one in mails:
                message = about.get(one.key or "")
                if one.kind in ("delayed", "automatic", "other"):
                    taken.noted[one.kind] += 1
                elif message is None:
                    taken.unknown += 1
                elif one.kind == "unsubscribed":
                    left |= self._leave(line, one, message, taken, now)
                else:
                    receipts.append(_receipt(one, message, now))
            received = Inbox(line).take(MAIL, receipts, self._topics, now)
        finally:
            line.close()
        taken.new += received.new
        taken.repeated += received.repeated
        settle(self.engine, left | received.left)
        return taken

    @property
    def _topics(self) -> dict[str, str]:
        return self.playbook.catalog.topic_purposes()

    def _leave(
        self, line: Line, one: ReturnedMail, message: _About, taken: Taken, now: datetime
    ) -> set[int]:
        """Do what the link in the message does; return who has left."""
        if not self.links.keys.proves("unsubscribe_by_mail", message.provider_key, one.proof):
            taken.unproved += 1
            return set()
        wish = self._wish(message, one.id)
        done = withdraw(line, wish, wish.topic, self._topics, now)
        taken.new["unsubscribed"] += done.is_new
        taken.repeated += not done.is_new
        return set() if done.customer is None else {done.customer}

    def _wish(self, message: _About, mail: str) -> Wish:
        key = message_key(
            self.links.project,
            message.customer,
            message.flow,
            entry=message.entry,
            step=message.step,
            occurrence=message.occurrence,
            channel=MAIL.channel,
            generation=message.generation,
        )
        parts = parts_of(key)
        assert parts is not None
        topic = marketing_topic(self.playbook, message.topic)
        return Wish("unsubscribe", key, parts, topic, mail)


def _receipt(one: ReturnedMail, message: _About, now: datetime) -> Receipt:
    """Return what a report tells. An address that it does not name is not put out of use.

    A customer may have another address by now, and a report may be about where mail was passed on.
    """
    assert one.kind in ("bounced", "complained")
    is_theirs = not one.addresses or not one.addresses.isdisjoint(_on_the_wire(message.email))
    is_permanent = one.is_permanent and is_theirs
    return Receipt(
        "bounced" if one.kind == "bounced" else "complained",
        one.at or now,
        f"mail:{one.kind}:{'permanent' if is_permanent else 'passing'}",
        provider_key=message.provider_key,
        is_permanent=is_permanent,
        code=one.code,
    )


def _on_the_wire(email: str | None) -> set[str]:
    """Return an address as reports write it: in lower case, its domain in ASCII or not."""
    try:
        return {email.lower(), address("To", email).spec.lower()} if email else set()
    except HeaderRefused:
        return set()


def _asked(connection: Connection, mails: Sequence[ReturnedMail]) -> Mapping[str, _About]:
    """Return the messages that mails name, by key."""
    keys = sorted({one.key for one in mails if one.key})
    found = connection.execute(_NAMED, {"on": MAIL.channel, "keys": keys}).all() if keys else ()
    return {row.provider_key: _About(*row) for row in found}


_row, _who = tables.message.c, tables.customer.c
_NAMED = (
    select(
        _row.provider_key, _who.external_id, _who.email, _row.flow, _row.entry, _row.step,
        _row.occurrence, _row.generation, _row.topic,
    )
    .join_from(tables.message, tables.customer, _who.id == _row.customer_id)
    .where(
        _row.channel == bindparam("on"),
        _row.provider_key.in_(bindparam("keys", expanding=True)),
    )
)  # fmt: skip
