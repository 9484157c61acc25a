"""From decided sends to rendered messages, in batches: load what templates read, render."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, FromClause, select

from orchestrator import tables
from orchestrator.channels.spec import CHANNELS
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import CustomerFacts, Decided, Rendered, RenderFailure, Send
from orchestrator.render.apart.pool import Desk
from orchestrator.render.context import stored_attributes
from orchestrator.render.facts import customer_attributes, entry_facts, result_facts
from orchestrator.render.mask import MASK, Masking
from orchestrator.render.renderer import Renderer
from orchestrator.values import typed_value

_Attributes = dict[int, dict[str, Any]]
"""Customer row id → attribute → value, where there is one."""


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
    results: FromClause = tables.step_result
    """What steps have brought back; in a tick, with what that has changed."""
    links_of: Callable[[Decided], Mapping[str, str]] | None = None
    """What templates see as ``links`` of an order; None prints placeholders."""
    desk: Desk | None = None
    """What renders apart, in other processes; None is here."""
    _counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def print(self, orders: Sequence[Decided]) -> Iterator[tuple[Send, Rendered | RenderFailure]]:
        """Yield each order's send, with every address as it is, and its message.

        Everything is loaded when the first is asked for; each is rendered when its turn comes.
        """
        attributes = self._attributes(orders)
        event_ids = [order.entry_event_id for order in orders if order.entry_event_id is not None]
        entries = entry_facts(self.connection, self.playbook, event_ids)
        runs = {(order.flow, order.customer_id, order.entry) for order in orders}
        brought = result_facts(self.connection, self.playbook, runs, self.results)
        sends = []
        for order in orders:
            known = _Known(
                attributes[order.at].get(order.customer_id, {}),
                entries.get(order.entry_event_id or 0, {}),
                brought.get((order.flow, order.customer_id, order.entry), {}),
                self.links_of(order) if self.links_of else {},
            )
            sends.append(_send(order, known))
        render = self.desk.render if self.desk else partial(map, self.renderer.render)
        for send, message in zip(sends, render(sends), strict=True):
            yield send, self._shown(send, message)

    def _shown(self, send: Send, message: Rendered | RenderFailure) -> Rendered | RenderFailure:
        """Return a message as it may be shown: rendered again for a masked customer."""
        masking = self.masking
        if masking is None or isinstance(message, RenderFailure):
            return message
        if not masking.hides(self.renderer.names_read(send.message)):
            return message
        kind = (send.flow, send.step, send.channel)
        self._counts[kind] += 1
        if self.whole is None or self._counts[kind] <= self.whole:
            again = self.renderer.render(masking.send(send))
            if isinstance(again, Rendered):
                return again
        subject = message.subject
        if subject is not None and not self.renderer.has_steady_subject(send):
            subject = self.renderer.subject(masking.send(send)) or MASK
        return replace(message, subject=subject, preheader=None, text=MASK, html=None)

    def _attributes(self, orders: Sequence[Decided]) -> Mapping[datetime, _Attributes]:
        """Return the attributes of the orders' customers, as of the tick that decided each."""
        ids: dict[datetime, list[int]] = {}
        messages: dict[datetime, set[str]] = {}
        for order in orders:
            ids.setdefault(order.at, []).append(order.customer_id)
            messages.setdefault(order.at, set()).add(order.message)
        return {at: self._attributes_at(at, ids[at], messages[at]) for at in ids}

    def _attributes_at(
        self, at: datetime, ids: Sequence[int], messages: Collection[str]
    ) -> _Attributes:
        names = frozenset().union(*map(self.renderer.attributes_used, messages))
        found = customer_attributes(self.connection, self.playbook, ids, names, at)
        if self.attributes_set is not None:
            self._change(found, ids, names)
        return found

    def _change(self, found: _Attributes, ids: Sequence[int], names: Collection[str]) -> None:
        """Let the attributes that the tick has set count instead of the stored ones."""
        assert self.attributes_set is not None
        rows = self.attributes_set.c
        query = select(self.attributes_set).where(
            rows.customer_id.in_(ids), rows.name.in_(sorted(names))
        )
        stored = stored_attributes(self.playbook)
        for row in self.connection.execute(query):
            own = found.setdefault(row.customer_id, {})
            own.pop(row.name, None)
            value: Any = typed_value(row, stored[row.name].type)
            if value is not None:
                own[row.name] = value


class _Known(NamedTuple):
    """What was loaded, or made, for one order."""

    attributes: Mapping[str, Any]
    entry: Mapping[str, Any]
    results: Mapping[str, Mapping[str, Any]]
    links: Mapping[str, str]


def _send(order: Decided, known: _Known) -> Send:
    return Send(
        customer=CustomerFacts(
            id=order.customer_id,
            external_id=order.customer,
            email=order.email,
            phone=order.phone,
            push_token=order.push_token,
            locale=order.locale,
            timezone=order.timezone,
            attributes=known.attributes,
        ),
        flow=order.flow,
        entry=order.entry,
        step=order.step,
        occurrence=order.occurrence,
        message=order.message,
        channel=order.channel or "",
        variant=order.variant,
        at=order.at,
        due_at=order.due_at,
        entry_facts={**known.entry, "at": order.entry_at, "start": order.start},
        results=known.results,
        links=known.links,
    )


def address(send: Send) -> str | None:
    """Return the address a send goes to, as it is."""
    kind = CHANNELS[send.channel].address
    found: str | None = getattr(send.customer, kind) if kind else None
    return found
