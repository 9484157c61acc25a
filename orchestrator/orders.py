"""From decided sends to rendered messages, in batches: load what templates read, render."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, select

from orchestrator.channels.spec import CHANNELS
from orchestrator.playbook.model import Playbook
from orchestrator.records import CustomerFacts, Rendered, RenderFailure, Send
from orchestrator.render.context import stored_attributes
from orchestrator.render.facts import customer_facts, entry_facts
from orchestrator.render.mask import MASK, Masking
from orchestrator.render.renderer import Renderer
from orchestrator.values import typed_value


@dataclass(frozen=True, slots=True)
class Order:
    """One decided send, before anything is loaded for it."""

    customer_id: int
    customer: str
    flow: str
    entry: int
    step: str
    occurrence: str
    message: str
    channel: str
    variant: str | None
    at: datetime
    due_at: datetime
    entry_at: datetime | None
    entry_event_id: int | None
    start: str | None


@dataclass
class Printer:
    """Renders orders, a batch at a time."""

    connection: Connection
    playbook: Playbook
    renderer: Renderer
    masking: Masking | None = None
    """Hides personal values from what is shown; whether a message fails is judged without."""
    whole: int | None = None
    """How many masked messages of each kind are shown whole; of the others, the subject is.
    None is all."""
    attributes_set: FromClause | None = None
    """Attributes that a tick has set and not written: they count, the stored ones do not."""
    _counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def print(self, orders: Sequence[Order]) -> list[tuple[Send, Rendered | RenderFailure]]:
        """Return each order's send, with every address as it is, and its message."""
        facts = self._facts(orders)
        event_ids = [order.entry_event_id for order in orders if order.entry_event_id is not None]
        entries = entry_facts(self.connection, self.playbook, event_ids)
        sends = [_send(order, facts[order.customer_id], entries) for order in orders]
        return [(send, self._shown(send, self.renderer.render(send))) for send in sends]

    def _shown(self, send: Send, message: Rendered | RenderFailure) -> Rendered | RenderFailure:
        """Return a message as it may be shown: rendered again for a masked customer."""
        masking = self.masking
        if masking is None or isinstance(message, RenderFailure):
            return message
        if not masking.hides(self.renderer.names_read(send.message)):
            return message
        masked, kind = masking.send(send), (send.flow, send.step, send.channel)
        self._counts[kind] += 1
        if self.whole is None or self._counts[kind] <= self.whole:
            again = self.renderer.render(masked)
            if isinstance(again, Rendered):
                return again
        subject = None if message.subject is None else self.renderer.subject(masked) or MASK
        return replace(message, subject=subject, preheader=None, text=MASK, html=None)

    def _facts(self, orders: Sequence[Order]) -> Mapping[int, CustomerFacts]:
        """Return the customers of the orders, as of the one tick that decided each."""
        names: dict[datetime, set[str]] = {}
        ids: dict[datetime, list[int]] = {}
        for order in orders:
            names.setdefault(order.at, set()).update(self.renderer.attributes_used(order.message))
            ids.setdefault(order.at, []).append(order.customer_id)
        found: dict[int, CustomerFacts] = {}
        for at, some in ids.items():
            found |= customer_facts(self.connection, self.playbook, some, names[at], at)
        return self._with_changes(found, set().union(*names.values()))

    def _with_changes(
        self, found: dict[int, CustomerFacts], names: Collection[str]
    ) -> Mapping[int, CustomerFacts]:
        if self.attributes_set is None:
            return found
        rows = self.attributes_set.c
        query = select(self.attributes_set).where(
            rows.customer_id.in_(list(found)), rows.name.in_(sorted(names))
        )
        stored = stored_attributes(self.playbook)
        for row in self.connection.execute(query):
            changed = {
                name: value
                for name, value in found[row.customer_id].attributes.items()
                if name != row.name
            }
            value: Any = typed_value(row, stored[row.name].type)
            if value is not None:
                changed[row.name] = value
            found[row.customer_id] = replace(found[row.customer_id], attributes=changed)
        return found


def _send(order: Order, facts: CustomerFacts, entries: Mapping[int, Mapping[str, Any]]) -> Send:
    entry: dict[str, Any] = dict(entries.get(order.entry_event_id or 0, {}))
    entry |= {"at": order.entry_at, "start": order.start}
    return Send(
        customer=facts,
        flow=order.flow,
        entry=order.entry,
        step=order.step,
        occurrence=order.occurrence,
        message=order.message,
        channel=order.channel,
        variant=order.variant,
        at=order.at,
        due_at=order.due_at,
        entry_facts=entry,
    )


def address(send: Send) -> str | None:
    """Return the address a send goes to, as it is."""
    kind = CHANNELS[send.channel].address
    found: str | None = getattr(send.customer, kind) if kind else None
    return found
