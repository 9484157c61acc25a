"""Complaints of receivers: a sender of whom too many complain sends no marketing for a while.

Mailbox providers want fewer than 1 complaint in 1,000 mails and shut those out who come to 3
(https://support.google.com/a/answer/14229414). Counted are the latest 7 days, and never one or two
complaints alone: 1 of 10 says nothing. What is held stays in the queue until a person has looked
and let it go; then only what comes after that counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, or_, select, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.counting import counted
from orchestrator.database import insert_into
from orchestrator.delivery.auditing import audit
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.senders import sender_of

COMPLAINTS = "complaints"
"""The kind of ``control`` rows; their name is the sender's address."""
HELD, RELEASED = "held", "released"
CHANNEL = "email"
WINDOW = timedelta(days=7)
FEWEST = 3
"""So many complaints at least."""
WARNS, HOLDS = 0.001, 0.003
"""The share of its mails that is told, and the share that holds a sender's marketing."""


@dataclass(frozen=True, slots=True)
class Reputation:
    """What is said of a sender."""

    sender: str
    """The address."""
    complaints: int
    sent: int
    """Mails in the same time."""
    is_held: bool

    @property
    def share(self) -> float:
        """Complaints per mail; those about older mails count too."""
        return min(1.0, self.complaints / max(1, self.sent))

    @property
    def says(self) -> str:
        """Both numbers, in words."""
        mails = counted(self.sent, "mail")
        return f"{counted(self.complaints, 'complaint')} about {mails} in {WINDOW.days} days"


def held_senders(connection: Connection) -> frozenset[str]:
    """Return the addresses whose marketing is held."""
    row = tables.control.c
    query = select(row.name).where(row.kind == COMPLAINTS, row.state == HELD)
    return frozenset(connection.scalars(query))


def messages_of(playbook: Playbook, senders: frozenset[str]) -> frozenset[str]:
    """Return the messages that some addresses send."""
    return frozenset(
        name for name in map(str, playbook.messages) if _address(playbook, name) in senders
    )


def reputations(connection: Connection, playbook: Playbook, now: datetime) -> list[Reputation]:
    """Return the senders that many complain of, or that are held; reads only."""
    known = _known(connection)
    about = _complaints(connection, playbook, known, now)
    told = {sender for sender, count in about.items() if count >= FEWEST}
    found = []
    for sender in sorted(told | {name for name, one in known.items() if one.is_held}):
        since = _since(known, sender, now)
        sent = _sent(connection, playbook, since).get(sender, 0)
        is_held = sender in known and known[sender].is_held
        one = Reputation(sender, about.get(sender, 0), sent, is_held)
        if is_held or one.share > WARNS:
            found.append(one)
    return found


def hold(connection: Connection, playbook: Playbook, now: datetime) -> list[Reputation]:
    """Hold the marketing of senders of whom too many complain; return those that are held anew."""
    anew = [
        one
        for one in reputations(connection, playbook, now)
        if not one.is_held and one.share >= HOLDS
    ]
    for one in anew:
        row = {"state": HELD, "at": to_micros(now), "reason": one.says}
        new = insert_into(connection.dialect.name, tables.control)
        new = new.values(kind=COMPLAINTS, name=one.sender, **row)
        connection.execute(new.on_conflict_do_update(index_elements=["kind", "name"], set_=row))
    return anew


def release(connection: Connection, sender: str, now: datetime) -> bool:
    """Let a sender's marketing go; return whether it was held."""
    row = tables.control
    held = (row.c.kind == COMPLAINTS, row.c.name == sender, row.c.state == HELD)
    values = {"state": RELEASED, "at": to_micros(now)}
    if connection.execute(update(row).where(*held).values(**values)).rowcount == 0:
        return False
    audit(connection, "approve", f"sender {sender}", at=now)
    return True


class _Known(NamedTuple):
    is_held: bool
    at: datetime


def _known(connection: Connection) -> dict[str, _Known]:
    row = tables.control.c
    query = select(row.name, row.state, row.at).where(row.kind == COMPLAINTS)
    return {name: _Known(state == HELD, at) for name, state, at in connection.execute(query)}


def _since(known: dict[str, _Known], sender: str, now: datetime) -> datetime:
    """Return from when on a sender is judged: a week ago, or since a person has let it go."""
    one = known.get(sender)
    begin = now - WINDOW
    return begin if one is None or one.is_held else max(begin, one.at)


def _complaints(
    connection: Connection, playbook: Playbook, known: dict[str, _Known], now: datetime
) -> Counter[str]:
    row = tables.receipt.c
    query = select(row.message, row.at).where(
        row.kind == "complained",
        row.at > to_micros(now - WINDOW),
        or_(row.channel == CHANNEL, row.channel.is_(None)),
    )
    found: Counter[str] = Counter()
    for message, at in connection.execute(query):
        sender = _address(playbook, message)
        if sender is not None and at > _since(known, sender, now):
            found[sender] += 1
    return found


def _sent(connection: Connection, playbook: Playbook, since: datetime) -> Counter[str]:
    """Return sender → its mails that were decided since and are sent."""
    row = tables.message.c
    query = (
        select(row.message, func.count())
        .where(row.decided_at > to_micros(since), row.channel == CHANNEL, row.state == "sent")
        .group_by(row.message)
    )
    found: Counter[str] = Counter()
    for message, count in connection.execute(query):
        sender = _address(playbook, message)
        if sender is not None:
            found[sender] += count
    return found


def _address(playbook: Playbook, message: str) -> str | None:
    sender = sender_of(playbook, message)
    return sender.address if sender else None
