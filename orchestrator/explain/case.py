"""One customer before one flow: the occurrence, the tests, the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    cast,
    literal,
    select,
)

from orchestrator import tables
from orchestrator.columns import Instant, exact_text, to_micros
from orchestrator.explain.admission import Admission, Part
from orchestrator.explain.events import latest_event
from orchestrator.explain.messages import messages_of
from orchestrator.explain.questions import Inquiry, Tree, joined
from orchestrator.explain.said import Speech
from orchestrator.explain.standing import Standing, latest_runs, standing_of
from orchestrator.explain.starts import Beginnings
from orchestrator.explain.waiting import Waiting
from orchestrator.flow.starts.did import DidStart
from orchestrator.playbook.model import Attribute, Flow
from orchestrator.records.explained import Explained, KeyedRun, RunMessage
from orchestrator.tick import workspace
from orchestrator.tick.candidates import next_entry
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.showing import runs_before_entries

ADDRESSES = frozenset(("email", "phone", "push_token"))
OTHERS = 5
"""Runs under other keys that are told beside the one that is explained."""


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
    asked_key: str | None = None
    """The value of the flow's ``key`` that is asked about, in its one spelling; None is any."""

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
        return self._standing_under(self.key)

    @cached_property
    def key(self) -> str | None:
        """The value of the flow's key that is told about: of what happens, else of the last run."""
        if self.flow.key is None or self.asked_key is not None:
            return self.asked_key
        found = self.occurrence or (self._latest[0] if self._latest else {})
        return found.get("key_value")

    def explained(self) -> Explained:
        """Return the whole answer."""
        parts = self.parts()
        verdict = joined("all", [part.verdict for part in parts])
        lines = tuple(line for part in parts for line in part.lines)
        blocking = [line for part in parts if not part.verdict.helps for line in part.lines]
        standing = self.standing
        waiting = self._waiting(standing)
        others = [] if self.flow.key is None else self._others()
        return Explained(
            customer=str(self.customer["external_id"]),
            flow=self.live.name,
            enters=standing.enters,
            conditions=lines,
            state=standing.state(),
            messages=self._messages(standing),
            next=self._goes_on(standing, waiting)
            or standing.way_in(blocking, verdict.at, self.speech),
            waits_for=tuple(waiting.lines()) if waiting is not None else (),
            key=self._said_key(),
            others=tuple(self._keyed(run) for run in others[:OTHERS]),
            keys=len(self._latest) if self.flow.key else 0,
        )

    # --- runs -------------------------------------------------------------------------

    @cached_property
    def _latest(self) -> list[Mapping[str, Any]]:
        """The latest run under each key, the newest first."""
        return latest_runs(self.tick, self.live, self.id)

    def _standing_under(self, key: str | None) -> Standing:
        mine = (one for one in self._latest if not self.flow.key or one["key_value"] == key)
        found = standing_of(self.tick, self.live, self.id, next(mine, None), key)
        return found if self.is_live else replace(found, enters=False)

    def _messages(self, standing: Standing) -> list[RunMessage]:
        run = standing.latest
        return messages_of(self.tick, self.live, self.id, run["entry"]) if run else []

    def _waiting(self, standing: Standing) -> Waiting | None:
        """Return the run that is on its way and stays so; None if there is none."""
        run = standing.latest
        if run is None or run["status"] != "active" or standing.ending is not None:
            return None
        walked = next(
            (
                one
                for one in self.tick.pinned
                if one.name == self.live.name and run["release"] in one.releases
                and run["step"] in one.graph.nodes
            ),
            self.live,
        )  # fmt: skip
        runs = tables.enrollment
        mine = select(runs).where(
            runs.c.flow == self.live.name,
            runs.c.customer_id == self.id,
            runs.c.entry == run["entry"],
        )
        return Waiting(self._inquiry(mine.subquery()), walked, run)

    def _goes_on(self, standing: Standing, waiting: Waiting | None) -> str | None:
        if standing.is_active and not self.is_live:
            return f"stands still, for the flow is {self._status}"
        return standing.decided() or (waiting.next() if waiting is not None else None)

    def _others(self) -> list[Mapping[str, Any]]:
        return [one for one in self._latest if one["key_value"] != self.key]

    def _keyed(self, run: Mapping[str, Any]) -> KeyedRun:
        standing = self._standing_under(run["key_value"])
        told = self._goes_on(standing, self._waiting(standing))
        return KeyedRun(self._raw_key(run), standing.state(), told)

    def _said_key(self) -> str | None:
        """Return the key that is told about, as the event that it comes from has it."""
        for found in (self.occurrence, self.standing.latest):
            if found is not None and found["key_value"] == self.key:
                return self._raw_key(found)
        return self.asked_key

    def _raw_key(self, found: Mapping[str, Any]) -> str | None:
        """Return the key of a run or an occurrence, as its event has it."""
        if found["key_value"] is None:
            return None
        values = tables.event_value.c
        names = [f"{start.operand}.{self.flow.key}" for start in self.flow.starts_when]
        raw = self.tick.connection.scalar(
            select(values.text).where(
                values.name.in_(names), values.event_id == found["entry_event_id"],
                values.customer_id == self.id,
            )
        )  # fmt: skip
        return str(found["key_value"] if raw is None else raw)

    def parts(self) -> list[Part]:
        """Return the entry tests, in the order of the tick; all must let the customer in."""
        with runs_before_entries(self.tick, self.live.name):
            return self._parts()

    def _parts(self) -> list[Part]:
        inquiry = self._inquiry(self._run())
        admission = Admission(self.flow, self.standing, self.occurrence, self.speech)
        starts = Beginnings(inquiry, self.live, self.id, self._happening(), self.key)
        trees = {name: self._tree(inquiry, name) for name in ("audience", "exits_when")}
        inquiry.ask()
        parts = [admission.status(self._status, holds=self.is_live)]
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

    @property
    def _status(self) -> str:
        return "paused" if self.live.name in self.tick.paused else self.flow.status

    def _inquiry(self, rows: FromClause) -> Inquiry:
        """Return questions about the customer.

        Args:
            rows: the one run, or the occurrence as a run, that they are asked in.
        """
        return Inquiry(
            tick=self.tick,
            customer=tables.customer.alias(),
            rows=rows,
            zone=self.tick.zone_of(self.customer["timezone"] or ""),
            speech=self.speech,
            personal=_personal(self.tick),
        )

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
            .where(*self._of_this())
            .order_by(rows.c.reason.is_not(None), rows.c.occurred_at.desc(), rows.c.tie.desc())
        )
        row = self.tick.connection.execute(query.limit(1)).mappings().first()
        return dict(row) if row is not None else None

    def _happening(self) -> frozenset[str]:
        """Return the labels of the starts that happen to the customer at this tick."""
        query = select(workspace.entry.c.start).where(*self._of_this())
        return frozenset(self.tick.connection.scalars(query))

    def _of_this(self) -> list[ColumnElement[bool]]:
        """Return the tests that an occurrence is one of those asked about."""
        rows = workspace.entry.c
        tests = [rows.flow == self.live.name, rows.customer_id == self.id]
        return tests if self.asked_key is None else [*tests, rows.key_value == self.asked_key]

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
            "key_value": cast(literal(found.get("key_value", self.key), text), text),
            "entry": cast(next_entry(self.live.name, literal(self.id, BigInteger)), Integer),
        }
        return select(*(value.label(name) for name, value in values.items())).subquery()

    def _last_event(self) -> int | None:
        """Return the event that ``entry.x`` is read from where nothing starts the flow now."""
        for start in self.flow.starts_when:
            if isinstance(start, DidStart):
                found = latest_event(self.tick, self.live, start, self.id, key=self.key)
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
