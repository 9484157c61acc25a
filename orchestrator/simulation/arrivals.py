"""Assumed receipts and events on their way: each is imported before the first tick after it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.importing.event_rows import write_events
from orchestrator.importing.events import Events
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import People
from orchestrator.importing.receipt_rows import write_receipts
from orchestrator.importing.receipts import KINDS, ReceiptRow
from orchestrator.playbook.model import Catalog
from orchestrator.simulation.assumed import Act, Assumed, Sent
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick


class Arrivals:
    """Draws what recipients do with a tick's messages, and imports it when its time has come."""

    def __init__(self, engine: Engine, catalog: Catalog, assumed: Assumed) -> None:
        self._engine = engine
        self._topics = catalog.topic_purposes()
        self._assumed = assumed
        self._people = People()
        self._waiting: list[tuple[datetime, str, Act]] = []

    def replace_stored(self, begin: datetime) -> None:
        """Remove stored receipts of the assumed kinds after ``begin``: assumed ones stand in."""
        receipt = tables.receipt.c
        kinds = [kind for kind in self._assumed.shares if kind in KINDS]
        if kinds:
            with self._engine.begin() as connection:
                connection.execute(
                    delete(tables.receipt).where(receipt.at > begin, receipt.kind.in_(kinds))
                )

    def watch(self, tick: Tick) -> None:
        """Draw what the recipients of this tick's messages will do."""
        if self._assumed.shares:
            for act in self._assumed.acts(_sent(tick)):
                heapq.heappush(self._waiting, (act.at, act.key, act))

    def supply(self, now: datetime) -> None:
        """Import what is done by ``now``, as ``clmctl import`` would."""
        due = []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(heapq.heappop(self._waiting)[2])
        if not due:
            return
        receipts = [act for act in due if act.kind in KINDS]
        events = [act for act in due if act.kind not in KINDS]
        self._people.begin_anew()
        with self._engine.begin() as connection:
            if receipts:
                self._write_receipts(connection, receipts)
            if events:
                write_events(connection, _events(events), self._people, Outcome())

    def _write_receipts(self, connection: Connection, acts: Sequence[Act]) -> None:
        write_receipts(
            connection,
            [_receipt(act) for act in acts],
            self._people,
            topics=self._topics,
            outcome=Outcome(),
            reject=_nobody_is_unknown,
        )


def _sent(tick: Tick) -> Iterator[Sent]:
    """Yield the messages that a tick decided; a webhook has no recipient."""
    rows, customer = workspace.message.c, tables.customer.c
    query = (
        select(
            customer.external_id, rows.flow, rows.entry, rows.step, rows.occurrence,
            rows.channel, rows.message, rows.topic, rows.decided_at,
        )
        .join_from(workspace.message, tables.customer, rows.customer_id == customer.id)
        .where(rows.channel != "webhook")
    )  # fmt: skip
    for row in tick.connection.execute(query):
        yield Sent._make(row)


def _receipt(act: Act) -> ReceiptRow:
    sent = act.sent
    return ReceiptRow(
        0, "", sent.customer, sent.message, act.kind, to_micros(act.at), sent.flow, sent.channel,
        sent.topic, act.key,
    )  # fmt: skip


def _events(acts: Sequence[Act]) -> Events:
    return Events(
        [act.sent.customer for act in acts],
        [act.kind for act in acts],
        [to_micros(act.at) for act in acts],
        [act.key for act in acts],
        ["{}"] * len(acts),
        {},
        named_by_file=True,
    )


def _nobody_is_unknown(_line: int, reason: str, _raw: str) -> None:
    raise AssertionError(reason)
