"""Ending: writing what came of attempts, and never to an attempt that is another worker's.

A result that comes late, from a worker that was frozen and whose message was rescued, still
closes its own attempt, but never a newer one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, insert, update

from orchestrator import tables
from orchestrator.answers import Answer, record_on
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import to_micros
from orchestrator.database import insert_into
from orchestrator.delivery.breakers import Noted
from orchestrator.delivery.claims import Lease, in_state
from orchestrator.delivery.guards import address_kind
from orchestrator.delivery.making import Made, Spoilt
from orchestrator.delivery.marking import domain_of, drop_payloads
from orchestrator.delivery.observer import DEAF, Observer
from orchestrator.delivery.onsite import publish
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.policy import Attempt, Change, after
from orchestrator.delivery.refusals import Refusals
from orchestrator.given import rows_given

_ROW = tables.message.c
_accepted = rows_given("rows", _ROW.id, _ROW.attempt, _ROW.provider_id)
_SENT = (
    update(tables.message)
    .where(
        _ROW.id == _accepted.c.id,
        _ROW.attempt == _accepted.c.attempt,
        _ROW.lease == bindparam("token"),
        in_state("sending", "in_doubt", "queued", "sent"),
    )
    .values(
        state="sent",
        state_at=bindparam("now"),
        provider_id=_accepted.c.provider_id,
        error=None,
        lease_until=None,
    )
)
_ENDED = (
    update(tables.message)
    .where(
        _ROW.id == bindparam("row"),
        _ROW.attempt == bindparam("number"),
        _ROW.lease == bindparam("token"),
        in_state("sending", "in_doubt"),
    )
    .values(
        state=bindparam("to_state"),
        state_at=bindparam("now"),
        error=bindparam("why"),
        not_before=bindparam("when"),
        attempt=_ROW.attempt - bindparam("unspent"),
        possible_duplicate=bindparam("again"),
        lease_until=None,
    )
)
_SPOILT = (
    update(tables.message)
    .where(_ROW.id == bindparam("row"), _ROW.lease == bindparam("token"), in_state("claimed"))
    .values(
        state=bindparam("to_state"),
        state_at=bindparam("now"),
        error=bindparam("why"),
        lease_until=None,
    )
)
DONE = ("sent", "dead", "failed", "answered")


class Ended(NamedTuple):
    """One attempt that is over."""

    made: Made
    outcome: Outcome | None
    """None of one whose call was not begun."""

    @property
    def number(self) -> int:
        """Which attempt it was, from 1."""
        return self.made.message.attempt


@dataclass(frozen=True)
class Ender:
    """Writes what came of one lane's attempts."""

    lease: Lease
    outlet: Outlet
    chance: Random
    zone: Callable[[], ZoneInfo]
    """Returns the project's zone, for times without offset in answers of calls."""
    observer: Observer = DEAF
    came_to: Counter[str] = field(default_factory=Counter)
    """State → messages of this lane that came to it, ``queued`` are those that are tried again."""

    def write(self, connection: Connection, ended: Sequence[Ended], now: datetime) -> None:
        """Write results in the caller's transaction."""
        accepted = [
            one for one in ended if one.outcome is not None and one.outcome.kind == "accepted"
        ]
        others = [one for one in ended if one.outcome is None or one.outcome.kind != "accepted"]
        self._write_sent(connection, accepted, now)
        noted = [
            Noted(domain_of(one.made), one.outcome) for one in ended if one.outcome is not None
        ]
        refusals = Refusals.counted(connection, self.outlet.provider, noted)
        for one in others:
            self._write_other(connection, one, refusals, now)

    def write_spoilt(self, connection: Connection, spoilt: Sequence[Spoilt], now: datetime) -> None:
        """Write that messages cannot be made: they are dead, and nobody else is affected."""
        state = final("dead", self.outlet.channel)
        rows = [
            {
                "row": one.order.id,
                "token": self.lease.token,
                "to_state": state,
                "now": to_micros(now),
                "why": one.why,
            }
            for one in spoilt
        ]
        if rows:
            connection.execute(_SPOILT, rows)
            self._count(state, len(rows))
            people = [one.order.decided.customer_id for one in spoilt]
            tell_runs(connection, self.outlet.channel, people)

    def _write_sent(self, connection: Connection, ended: Sequence[Ended], now: datetime) -> None:
        if not ended:
            return
        rows = [
            {"id": one.made.order.id, "attempt": one.number, "provider_id": _called(one)}
            for one in ended
        ]
        by = {"token": self.lease.token, "now": to_micros(now)}
        written = connection.execute(_SENT, {"rows": rows, **by}).rowcount
        drop_payloads(connection, [one.made.order.id for one in ended])
        if self.outlet.adapter.capabilities.is_published:
            publish(connection, [one.made for one in ended], now)
        self._count("sent", len(ended))
        for one in ended:
            self._keep_answer(connection, one, now)
        if written < len(ended):
            self._note_late(connection, ended, now)

    def _keep_answer(self, connection: Connection, one: Ended, now: datetime) -> None:
        """Let a call's answer reach the run that waits for it."""
        if self.outlet.channel != WEBHOOK or one.outcome is None:
            return  # only calls are answered, whatever an adapter of messages brings
        if one.outcome.fields is not None:
            answer = Answer(one.made.order.id, now, one.outcome.fields)
            record_on(connection, answer, self.zone())

    def _note_late(self, connection: Connection, ended: Sequence[Ended], now: datetime) -> None:
        """Tell of acceptances that came when the message was somebody else's already."""
        rows = [one.made.order.id for one in ended]
        mine = _ROW.lease == self.lease.token
        query = tables.message.select().with_only_columns(_ROW.id).where(_ROW.id.in_(rows), mine)
        known = set(connection.scalars(query.where(in_state("sent"))))
        for one in ended:
            if one.made.order.id not in known:
                tell(connection, one.made.order.id, "late", now, self._happened(one))

    def _write_other(
        self, connection: Connection, one: Ended, refusals: Refusals, now: datetime
    ) -> None:
        change = self._change(connection, one, refusals, now)
        state = final(change.state, self.outlet.channel)
        row = {
            "row": one.made.order.id,
            "token": self.lease.token,
            "number": one.number,
            "now": to_micros(now),
            "to_state": state,
            "why": change.error,
            "when": to_micros(change.not_before or now),
            "unspent": int(not change.is_spent),
            "again": int(change.possible_duplicate or one.made.message.possible_duplicate),
        }
        is_ours = connection.execute(_ENDED, row).rowcount > 0
        if one.outcome is not None:
            kind = one.outcome.kind if is_ours else "late"
            tell(connection, one.made.order.id, kind, now, self._happened(one))
        if is_ours and one.outcome is not None:
            self._count(state)
        if is_ours and state in DONE:
            drop_payloads(connection, [one.made.order.id])
            tell_runs(connection, self.outlet.channel, [one.made.order.decided.customer_id])
        if one.outcome is not None and one.outcome.is_dead_address:
            suppress(connection, one.made, now)

    def _count(self, state: str, messages: int = 1) -> None:
        self.came_to[state] += messages
        if state != "queued":
            self.observer.ended(self.outlet.channel, state, messages)

    def _change(
        self, connection: Connection, one: Ended, refusals: Refusals, now: datetime
    ) -> Change:
        if one.outcome is None:
            return Change("queued", None, now, is_spent=False)
        attempt = attempt_of(one.made, self.outlet, now)
        if one.outcome.kind == "refused":
            noted = Noted(domain_of(one.made), one.outcome)
            attempt = refusals.told_of(connection, noted, one.made.order.id, attempt)
        return after(one.outcome, attempt, now, self.chance)

    def _happened(self, one: Ended) -> dict[str, Any]:
        assert one.outcome is not None
        return {
            "attempt": one.number,
            "provider": self.outlet.provider,
            "code": one.outcome.code,
            "detail": one.outcome.detail or one.outcome.kind,
        }


def _called(one: Ended) -> str | None:
    return one.outcome.provider_id if one.outcome else None


def final(state: str, channel: str) -> str:
    """Return how the ledger calls a state; a call of a webhook fails, a message is dead."""
    return "failed" if state == "dead" and channel == WEBHOOK else state


def tell_runs(connection: Connection, channel: str, customers: Iterable[int]) -> None:
    """Let the next tick look at runs whose calls have failed."""
    rows = [{"customer_id": one} for one in sorted(set(customers))]
    if channel == WEBHOOK and rows:
        connection.execute(insert(tables.dirty), rows)


def attempt_of(made: Made, outlet: Outlet, now: datetime) -> Attempt:
    """Return what the policy looks at, of the attempt that a message has just made."""
    message, order = made.message, made.order
    return Attempt(
        number=message.attempt,
        channel=message.channel,
        first_at=order.first_attempt_at or now,
        expires_at=message.expires_at,
        doubt=outlet.doubt(message.purpose),
        key_ttl=outlet.adapter.capabilities.key_ttl,
        was_resent=bool(order.possible_duplicate),
    )


def tell(connection: Connection, row: int, kind: str, now: datetime, facts: dict[str, Any]) -> None:
    """Add what happened to a message to its history."""
    happened = {"message_id": row, "at": to_micros(now), "kind": kind, **facts}
    connection.execute(insert(tables.message_event), happened)


def suppress(connection: Connection, made: Made, now: datetime) -> None:
    """Send nothing more to an address that takes none; conditions learn of it."""
    kind = address_kind(made.message.channel)
    if kind is None or not made.message.to:
        return
    row = {"kind": kind, "address": made.message.to, "reason": "bounced", "at": to_micros(now)}
    new = insert_into(connection.dialect.name, tables.suppression)
    connection.execute(new.values(**row).on_conflict_do_nothing())
    customer = made.order.decided.customer_id
    connection.execute(insert(tables.dirty).values(customer_id=customer))
