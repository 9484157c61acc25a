"""Marking: the last transaction before the wire, durable before the first octet leaves.

What is still ours is looked at once more; what may leave is marked ``sending`` together with
what was frozen of it, and what may not goes where its verdict says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from orchestrator import tables
from orchestrator.channels.subscription import Subscription, subscription_of
from orchestrator.columns import to_micros
from orchestrator.delivery.book import Book
from orchestrator.delivery.breakers import closed_domains
from orchestrator.delivery.buckets import Purse, take
from orchestrator.delivery.claims import Lease, in_state
from orchestrator.delivery.guards import Verdict
from orchestrator.delivery.making import Made
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.stops import read_stops
from orchestrator.delivery.verdicts import carry_out
from orchestrator.given import among, rows_given
from orchestrator.tick.attachments import keep

_ROW = tables.message.c
_OURS = (
    select(_ROW.id)
    .where(among(_ROW.id, "rows"), _ROW.lease == bindparam("token"), in_state("claimed"))
    .with_for_update()
)
_marked = rows_given("rows", _ROW.id, _ROW.provider_key)
_MARK = (
    update(tables.message)
    .where(_ROW.id == _marked.c.id)
    .values(
        state="sending",
        state_at=bindparam("now"),
        attempt=_ROW.attempt + 1,
        provider=bindparam("by"),
        provider_key=_marked.c.provider_key,
        first_attempt_at=func.coalesce(_ROW.first_attempt_at, bindparam("now")),
    )
)
_DROP = delete(tables.payload).where(among(tables.payload.c.message_id, "rows"))


@dataclass(frozen=True)
class Marker:
    """Marks what one lane is about to send."""

    lease: Lease
    outlet: Outlet

    def mark(
        self, connection: Connection, made: Sequence[Made], book: Book, now: datetime
    ) -> list[Made]:
        """Mark messages in the caller's transaction; return those whose calls are to begin."""
        ours = self._still_ours(connection, made)
        stops = read_stops(connection, book.playbook)
        verdicts = book.guard.look(connection, [one.leaving for one in ours], stops, now)
        carry_out(connection, ours, verdicts, now)
        free = self._unpaced(connection, [one for one in ours if one.order.id not in verdicts], now)
        _keep(connection, free)
        if free:
            rows = [{"id": one.order.id, "provider_key": one.message.provider_key} for one in free]
            by = {"now": to_micros(now), "by": self.outlet.provider}
            connection.execute(_MARK, {"rows": rows, **by})
        return free

    def _still_ours(self, connection: Connection, made: Sequence[Made]) -> list[Made]:
        """Return what no rescue has taken away meanwhile; the rest is somebody else's."""
        asked = {"rows": [one.order.id for one in made], "token": self.lease.token}
        ours = set(connection.scalars(_OURS, asked))
        return [one for one in made if one.order.id in ours]

    def _unpaced(self, connection: Connection, made: Sequence[Made], now: datetime) -> list[Made]:
        """Return what breakers of domains and buckets of senders let pass; move the rest."""
        later = self._of_closed_domains(connection, made)
        later |= self._without_token(
            connection, [one for one in made if one.order.id not in later], now
        )
        carry_out(connection, made, later, now)
        return [one for one in made if one.order.id not in later]

    def _of_closed_domains(
        self, connection: Connection, made: Iterable[Made]
    ) -> dict[int, Verdict]:
        found = {one.order.id: domain_of(one) for one in made}
        if not any(found.values()):
            return {}
        closed = closed_domains(
            connection, self.outlet.provider, self.lease.token, set(found.values())
        )
        return {
            row: Verdict("later", not_before=closed[domain])
            for row, domain in found.items()
            if domain in closed
        }

    def _without_token(
        self, connection: Connection, made: Sequence[Made], now: datetime
    ) -> dict[int, Verdict]:
        pace = self.outlet.pace
        if pace is None:
            return {}
        by_sender: dict[str, list[Made]] = {}
        for one in made:
            by_sender.setdefault(self.outlet.sender_of(one.message), []).append(one)
        later = {}
        for sender, own in sorted(by_sender.items()):
            purse = Purse(self.outlet.channel, self.outlet.provider, sender)
            granted = take(connection, purse, pace, len(own))
            for place, one in enumerate(own[granted:], start=1):
                wait = timedelta(seconds=place / pace.per_second)
                later[one.order.id] = Verdict("later", not_before=now + wait)
        return later


def domain_of(made: Made) -> str:
    """Return what may fail beside the provider, in lower case; of most messages nothing.

    Of a mail it is the domain of its receiver, of a push the service that the browser has named.
    """
    message = made.message
    if message.channel == "push":
        found = subscription_of(message.to)
        return found.service if isinstance(found, Subscription) else ""
    return message.to.rpartition("@")[2].lower() if message.channel == "email" else ""


def _keep(connection: Connection, made: Iterable[Made]) -> None:
    """Write what was frozen, where an earlier attempt has not."""
    fresh = [(one.order.id, one.frozen) for one in made if one.frozen is not None]
    rows = [
        {"message_id": row, "content": frozen.content, "digest": frozen.digest}
        for row, frozen in fresh
    ]
    if rows:
        connection.execute(insert(tables.payload), rows)
        keep(connection, {key: file for _, one in fresh for key, file in one.attached.items()})


def drop_payloads(connection: Connection, rows: Iterable[int]) -> None:
    """Delete what was frozen of messages that are done."""
    listed = list(rows)
    if listed:
        connection.execute(_DROP, {"rows": listed})
