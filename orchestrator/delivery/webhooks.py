"""Calls of webhooks: messages without a text, whose values come from ``with`` (semantics 49)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from orchestrator import timing
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.spec import WEBHOOK
from orchestrator.delivery.book import Book
from orchestrator.delivery.loading import Order
from orchestrator.delivery.terms import Kind
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.records.sends import CustomerFacts
from orchestrator.render.context import CustomerView, entry_view, resolved, result_view
from orchestrator.render.facts import customer_facts, entry_facts, result_facts
from orchestrator.render.reads import referred


@dataclass(frozen=True)
class Calls:
    """Makes the calls of one batch."""

    connection: Connection
    book: Book
    orders: Sequence[Order]
    now: datetime

    def message(self, order: Order, key: str) -> OutgoingMessage | str:
        """Return one call as the adapter gets it, or why it cannot be made.

        Args:
            key: its business key.
        """
        decided, known = order.decided, self.book.playbook.catalog.webhooks or {}
        webhook, step = known.get(decided.message), self._step(order)  # type: ignore[call-overload]  # a Name is its text
        if webhook is None or step is None:
            return f"the {'webhook' if webhook is None else 'step'} is gone from the playbooks"
        kind = Kind(decided.flow, decided.step, WEBHOOK, "transactional", None)
        expires_after = self.book.terms(kind).expires_after
        return OutgoingMessage(
            key=key,
            provider_key=order.provider_key or self.book.keys.provider_key(key),
            channel=WEBHOOK,
            message=decided.message,
            flow=decided.flow,
            step=decided.step,
            customer=decided.customer,
            to=webhook.url,
            purpose="transactional",
            text="",
            created_at=self.now,
            expires_at=timing.plus(decided.due_at, expires_after),
            project=self.book.project,
            entry=decided.entry,
            decided_at=decided.at,
            due_at=decided.due_at,
            fields=self._fields(order, step),
        )

    def _step(self, order: Order) -> Webhook | None:
        found = self.book.terms.step(order.decided.flow, order.decided.step)
        return found if isinstance(found, Webhook) else None

    def _fields(self, order: Order, step: Webhook) -> dict[str, Any]:
        given = {str(name): literal.value for name, literal in (step.with_ or {}).items()}
        known = self._known(order)
        return {name: _plain(resolved(value, known)) for name, value in given.items()}

    def _known(self, order: Order) -> Mapping[str, Mapping[str, Any]]:
        decided = order.decided
        begun = self._entries.get(decided.entry_event_id or 0, {})
        started = {**begun, "at": decided.entry_at, "start": decided.start}
        brought = self._results.get((decided.flow, decided.customer_id, decided.entry), {})
        return {
            **{step: result_view(step, facts) for step, facts in brought.items()},
            "customer": CustomerView(self.book.playbook).of(self._customers[order.id]),
            "entry": entry_view(started),
        }

    @cached_property
    def _customers(self) -> dict[int, CustomerFacts]:
        """By row of the ledger: as of the tick that decided each call."""
        found: dict[int, CustomerFacts] = {}
        for at in {order.decided.at for order in self.orders}:
            some = [order for order in self.orders if order.decided.at == at]
            ids = [order.decided.customer_id for order in some]
            facts = customer_facts(self.connection, self.book.playbook, ids, self._names, at)
            found |= {order.id: facts[order.decided.customer_id] for order in some}
        return found

    @cached_property
    def _names(self) -> set[str]:
        steps = [step for order in self.orders if (step := self._step(order)) is not None]
        return {
            name
            for step in steps
            for literal in (step.with_ or {}).values()
            for name in referred(literal.value)
        }

    @cached_property
    def _entries(self) -> dict[int, dict[str, Any]]:
        ids = [order.decided.entry_event_id for order in self.orders]
        events = [id for id in ids if id is not None]
        return entry_facts(self.connection, self.book.playbook, events)

    @cached_property
    def _results(self) -> dict[tuple[str, int, int], dict[str, dict[str, Any]]]:
        decided = [order.decided for order in self.orders]
        there = self.book.playbook.flows
        runs = {(one.flow, one.customer_id, one.entry) for one in decided if one.flow in there}
        return result_facts(self.connection, self.book.playbook, runs)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers as numbers, dates and times in ISO 8601."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {str(name): _plain(item) for name, item in value.items()}
    return value
