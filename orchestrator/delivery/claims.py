"""Claiming: which messages a lane takes next, and giving back what it did not send.

A claim is a lease on rows of the ledger. It goes round over the flows that wait, so that one
backlog does not starve the others; transactional messages go before marketing, and what was
tried before goes before what is new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    select,
    update,
)

from orchestrator import tables
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import EVER, MICROSECOND, to_micros
from orchestrator.database_clock import now_by
from orchestrator.delivery.stops import Stops

_ROW = tables.message.c
PURPOSES = ("transactional", "marketing")
"""In the order in which they are claimed."""


def in_state(*states: str) -> ColumnElement[bool]:
    """Return the condition that a row is in one of some states.

    They stand in its text: that is how databases know that a partial index may be used.
    """
    written: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in states]
    return _ROW.state == written[0] if len(written) == 1 else _ROW.state.in_(written)


@dataclass(frozen=True)
class Lease:
    """By what a lane's rows are known, and how long they are its own without a sign of life."""

    token: str
    span: timedelta

    def until(self, connection: Connection) -> ColumnElement[int]:
        """Return the expression for when it runs out, on the database's clock."""
        return now_by(connection) + literal_column(str(self.span // MICROSECOND))


class Queue(NamedTuple):
    """The waiting messages of one purpose and flow."""

    purpose: str
    flow: str


def waiting(connection: Connection, channel: str) -> Iterator[Queue]:
    """Yield the queues of a channel, due or not: one step along the index for each."""
    for purpose in PURPOSES:
        flow: str | None = ""
        while flow is not None:
            by = {"channel": channel, "purpose": purpose, "flow": flow}
            flow = connection.scalar(_NEXT, by)
            if flow is not None:
                yield Queue(purpose, flow)


_NEXT = (
    select(_ROW.flow)
    .where(
        in_state("queued"),
        _ROW.channel == bindparam("channel"),
        _ROW.purpose == bindparam("purpose"),
        _ROW.flow > bindparam("flow"),
    )
    .order_by(_ROW.flow)
    .limit(1)
)


def waiting_channels(connection: Connection) -> list[str]:
    """Return the channels that messages wait on, due or not."""
    found: list[str] = []
    while True:
        query = _CHANNEL.where(_ROW.channel > found[-1]) if found else _CHANNEL
        following = connection.scalar(query)
        if following is None:
            return found
        found.append(following)


_CHANNEL = select(_ROW.channel).where(in_state("queued")).order_by(_ROW.channel).limit(1)


def waiting_calls(connection: Connection) -> int:
    """Return how many calls of webhooks wait in the ledger."""
    query = select(func.count()).where(in_state("queued"), _ROW.channel == WEBHOOK)
    return connection.execute(query).scalar_one()


def due(channel: str, queue: Queue, stops: Stops) -> Select[Any]:
    """Return the rows of a queue that are not stopped, in the order they are taken."""
    return (
        select(_ROW.id)
        .where(
            in_state("queued"),
            _ROW.channel == channel,
            _ROW.purpose == queue.purpose,
            _ROW.flow == queue.flow,
            *([stops.none_of()] if stops.picks else []),
        )
        .order_by(_ROW.not_before, _ROW.id)
    )


def _going(connection: Connection, channel: str, stops: Stops) -> Iterator[Queue]:
    """Yield the queues of a channel that are not stopped as a whole."""
    if stops.everything or channel in stops.channels:
        return
    for queue in waiting(connection, channel):
        if queue.flow not in stops.flows:
            yield queue


def is_due(connection: Connection, channel: str, stops: Stops, now: datetime) -> bool:
    """Return whether anything of a channel could be claimed now."""
    until = _ROW.not_before <= to_micros(now)
    return any(
        connection.execute(due(channel, queue, stops).where(until).limit(1)).first() is not None
        for queue in _going(connection, channel, stops)
    )


@dataclass
class Claims:
    """Takes messages of one channel for one lane."""

    channel: str
    lease: Lease
    _turn: int = 0
    """Which queue is first next time."""

    def take(self, connection: Connection, most: int, stops: Stops, now: datetime) -> list[int]:
        """Lease up to ``most`` due messages; return their rows."""
        queues = list(_going(connection, self.channel, stops))
        taken: list[int] = []
        for purpose in PURPOSES:
            some = [queue for queue in queues if queue.purpose == purpose]
            taken += self._go_round(connection, self._turned(some), most - len(taken), stops, now)
        self._turn += 1
        return taken

    def probe(self, connection: Connection, stops: Stops, now: datetime) -> list[int]:
        """Lease the one due message that was tried the longest ago, or never; return its row.

        So each that tries whether a provider is well again is another one.
        """
        until = _ROW.not_before <= to_micros(now)
        firsts = [
            connection.execute(
                due(self.channel, queue, stops)
                .add_columns(_ROW.not_before)
                .where(until)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            for queue in _going(connection, self.channel, stops)
        ]
        found = [tuple(one) for one in firsts if one is not None]
        if not found:
            return []
        row, _ = min(found, key=lambda one: one[1])
        return self._lease(connection, select(_ROW.id).where(_ROW.id == row), now)

    def _turned(self, queues: Sequence[Queue]) -> list[Queue]:
        begin = self._turn % len(queues) if queues else 0
        return [*queues[begin:], *queues[:begin]]

    def _go_round(
        self,
        connection: Connection,
        queues: Sequence[Queue],
        most: int,
        stops: Stops,
        now: datetime,
    ) -> list[int]:
        """Take fair shares; what one queue leaves of its share goes to those after it."""
        taken: list[int] = []
        for place, queue in enumerate(queues):
            share = -(-(most - len(taken)) // (len(queues) - place))
            enough = len(taken) + share
            rows = due(self.channel, queue, stops)
            for begin, end in ((1, to_micros(now)), (EVER, 0)):  # tried before, or new
                if len(taken) < enough:
                    these = rows.where(_ROW.not_before.between(begin, end))
                    taken += self._lease(connection, these.limit(enough - len(taken)), now)
        return taken

    def _lease(self, connection: Connection, rows: Select[Any], now: datetime) -> list[int]:
        found = rows.with_for_update(skip_locked=True).cte("found")
        claim = (
            update(tables.message)
            .where(_ROW.id.in_(select(found.c.id)))
            .values(
                state="claimed",
                state_at=to_micros(now),
                lease=self.lease.token,
                lease_until=self.lease.until(connection),
            )
            .returning(_ROW.id)
        )
        return sorted(connection.scalars(claim))


def give_back(connection: Connection, lease: Lease, rows: Collection[int], now: datetime) -> None:
    """Put claimed messages back into the queue: no attempt was made of them."""
    connection.execute(
        update(tables.message)
        .where(_ROW.id.in_(list(rows)), _ROW.lease == lease.token, in_state("claimed"))
        .values(state="queued", state_at=to_micros(now), lease_until=None)
    )


def cancel(connection: Connection, lease: Lease, rows: Collection[int], now: datetime) -> None:
    """Cancel claimed messages whose customers are gone."""
    connection.execute(
        update(tables.message)
        .where(_ROW.id.in_(list(rows)), _ROW.lease == lease.token, in_state("claimed"))
        .values(
            state="cancelled",
            state_at=to_micros(now),
            error="the customer is gone",
            set_aside=1,
            lease_until=None,
        )
    )


def let_go(connection: Connection, lease: Lease, now: datetime) -> None:
    """Put everything that a lane has back into the queue: no call of it was begun."""
    was_marked = in_state("sending")
    connection.execute(
        update(tables.message)
        .where(_ROW.lease == lease.token, in_state("claimed", "sending"))
        .values(
            state="queued",
            state_at=to_micros(now),
            attempt=_ROW.attempt - case((was_marked, 1), else_=0),
            lease_until=None,
        )
    )


def extend(connection: Connection, lease: Lease) -> None:
    """Give a sign of life: what a lane has, it has for as long again."""
    connection.execute(
        update(tables.message)
        .where(_ROW.lease == lease.token, in_state("claimed", "sending"))
        .values(lease_until=lease.until(connection))
    )
