"""One customer before one flow: the occurrence, the tests, the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import BigInteger, FromClause, Integer, cast, literal, select

from orchestrator import tables
from orchestrator.columns import Instant, exact_text, to_micros
from orchestrator.explain.admission import Admission, Part
from orchestrator.explain.questions import Inquiry, Tree, joined
from orchestrator.explain.said import Speech
from orchestrator.explain.standing import Standing, standing_of
from orchestrator.explain.starts import Beginnings, latest_event
from orchestrator.flow.starts.did import DidStart
from orchestrator.playbook.model import Attribute, Flow
from orchestrator.records import Explained
from orchestrator.tick import workspace
from orchestrator.tick.candidates import next_entry
from orchestrator.tick.context import LiveFlow, Tick

ADDRESSES = frozenset(("email", "phone", "push_token"))


@dataclass(frozen=True)
class Case:
    """One customer before one flow, at a tick that has decided the flow's entries."""

    tick: Tick
    live: LiveFlow
    flow: Flow
    """As it is written, whatever its status."""
    customer: Mapping[str, Any]
    """The customer's row."""
    is_live: bool
    reveal: bool

    @property
    def id(self) -> int:
        """The customer's row id."""
        return int(self.customer["id"])

    @cached_property
    def speech(self) -> Speech:
        """How values are told."""
        return Speech(self.tick.now, self.tick.zone, self.reveal)

    @cached_property
    def standing(self) -> Standing:
        """Where the customer stands in the flow."""
        found = standing_of(self.tick, self.live, self.id)
        return found if self.is_live else replace(found, enters=False)

    def explained(self) -> Explained:
        """Return the whole answer."""
        parts = self.parts()
        verdict = joined("all", [part.verdict for part in parts])
        lines = tuple(line for part in parts for line in part.lines)
        blocking = [line for part in parts if not part.verdict.helps for line in part.lines]
        return Explained(
            customer=str(self.customer["external_id"]),
            flow=self.live.name,
            enters=self.standing.enters,
            conditions=lines,
            state=self.standing.state(),
            next=self.standing.next(blocking, verdict.at, self.speech),
        )

    def parts(self) -> list[Part]:
        """Return the entry tests, in the order of the tick; all must let the customer in."""
        inquiry = Inquiry(
            tick=self.tick,
            customer=tables.customer.alias(),
            rows=self._run(),
            zone=self.tick.zone_of(self.customer["timezone"] or ""),
            speech=self.speech,
            personal=_personal(self.tick),
        )
        admission = Admission(self.flow, self.standing, self.occurrence, self.speech)
        starts = Beginnings(inquiry, self.live, self.id, self._happening())
        trees = {name: self._tree(inquiry, name) for name in ("audience", "exits_when")}
        inquiry.ask()
        is_paused = self.live.name in self.tick.paused
        status = "paused" if is_paused else self.flow.status
        parts = [admission.status(status, holds=self.is_live)]
        since = self.customer["created_at"] or self.customer["first_event_at"]
        if since is not None and since > self.tick.now:
            parts.append(admission.existence(since))
        parts.append(Part(tuple(starts.lines()), starts.verdict()))
        parts += admission.between(inquiry, self.live)
        parts += [
            Part(tuple(inquiry.lines(tree, name)), inquiry.verdict(tree))
            for name, tree in trees.items()
            if tree is not None
        ]
        return parts

    def _tree(self, inquiry: Inquiry, name: str) -> Tree | None:
        criterion = getattr(self.flow, name)
        if criterion is None:
            return None
        leaving = name == "exits_when"
        scope = self.tick.scope(
            inquiry.customer, self.live.name, run=inquiry.rows, each=True, this_run=leaving
        )
        return inquiry.tree(criterion, name, scope, wanted=not leaving)

    # --- the occurrence ---------------------------------------------------------------

    @cached_property
    def occurrence(self) -> Mapping[str, Any] | None:
        """The occurrence that enters, or else the last that was refused; None if none."""
        rows = workspace.entry
        query = (
            select(rows)
            .where(rows.c.flow == self.live.name, rows.c.customer_id == self.id)
            .order_by(rows.c.reason.is_not(None), rows.c.occurred_at.desc(), rows.c.tie.desc())
        )
        row = self.tick.connection.execute(query.limit(1)).mappings().first()
        return dict(row) if row is not None else None

    def _happening(self) -> frozenset[str]:
        """Return the labels of the starts that happen to the customer at this tick."""
        rows = workspace.entry
        query = select(rows.c.start).where(
            rows.c.flow == self.live.name, rows.c.customer_id == self.id
        )
        return frozenset(self.tick.connection.scalars(query))

    def _run(self) -> FromClause:
        """Return the occurrence as one row; where there is none, one that would happen now."""
        now, text = self.tick.now, exact_text()
        found = self.occurrence or {"entry_event_id": self._last_event()}
        values = {
            "flow": cast(literal(self.live.name), text),
            "customer_id": cast(literal(self.id), BigInteger),
            "start": cast(literal(found.get("start", "")), text),
            "occurred_at": _instant(found.get("occurred_at", now)),
            "entry_at": _instant(found.get("entry_at", now)),
            "entry_event_id": cast(literal(found["entry_event_id"], BigInteger), BigInteger),
            "key_value": cast(literal(found.get("key_value"), text), text),
            "entry": cast(next_entry(self.live.name, literal(self.id, BigInteger)), Integer),
        }
        return select(*(value.label(name) for name, value in values.items())).subquery()

    def _last_event(self) -> int | None:
        """Return the event that ``entry.x`` is read from where nothing starts the flow now."""
        for start in self.flow.starts_when:
            if isinstance(start, DidStart):
                found = latest_event(self.tick, self.live.name, start, self.id)
                if found is not None:
                    return found[0]
        return None


def _instant(value: datetime) -> Any:
    return cast(literal(to_micros(value), BigInteger), Instant)


def _personal(tick: Tick) -> frozenset[str]:
    """Return the names of the values that are shown with ``--reveal`` only."""
    declared = tick.playbook.catalog.attributes or {}
    marked = {name for name, one in declared.items() if isinstance(one, Attribute) and one.personal}
    return ADDRESSES | marked
