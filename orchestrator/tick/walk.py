"""Moving runs through their steps (part 5 of a tick; semantics 27, 42-43).

A ``Walk`` is one flow's steps under one step's feet: the kinds of step say what happens,
in these words. Steps are visited in document order, and every edge leads further down,
so one visit each moves every run until it waits, ends or stands at a send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, exists, literal, select, update

from orchestrator import tables, timing
from orchestrator.columns import to_micros
from orchestrator.criteria.base import Criterion, leaves
from orchestrator.criteria.scope import Scope
from orchestrator.flow.graph import Node
from orchestrator.flow.steps.consent import Subscription
from orchestrator.flow.steps.set import Set
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.tick import workspace
from orchestrator.tick.context import LiveFlow, Tick
from orchestrator.tick.effects import Effects
from orchestrator.tick.runs import end_runs
from orchestrator.tick.setting import set_attribute
from orchestrator.tick.zones import due_by_zone, in_zones

run = workspace.run


@dataclass
class Walk(Effects):
    """Moves the runs that are about to do one step."""

    tick: Tick
    live: LiveFlow
    node: Node
    customer: Any = field(default_factory=tables.customer.alias)

    @property
    def here(self) -> ColumnElement[bool]:
        """The runs that are about to do this step."""
        return and_(run.c.flow == self.live.name, run.c.step == self.node.id, run.c.moving == 1)

    def scope(self) -> Scope:
        """Return the scope that the step's conditions are compiled in."""
        return self.tick.scope(self.customer, self.live.name, run=run, each=True, this_run=True)

    # --- words for kinds of step ------------------------------------------------------

    def go_on(self) -> None:
        """Send every run here to the step that follows."""
        leave_step(self.tick, self.live, self.node.next, self.here)

    def take_way(self, label: str, criterion: Criterion | None) -> None:
        """Send the runs for which a condition holds into an inner list of steps."""
        which = self.here if criterion is None else and_(self.here, self._holds(criterion))
        leave_step(self.tick, self.live, self.node.ways[label], which)

    def take_share(self, label: str, seed: str | None, low: int, high: int) -> None:
        """Send the runs whose bucket lies in ``[low, high)`` into a share of a split."""
        bucket = self.scope().bucket(seed or f"split:{self.live.name}/{self.node.id}")
        which = self._of_customer(and_(bucket >= low, bucket < high))
        leave_step(self.tick, self.live, self.node.ways[label], and_(self.here, which))

    def stay_for(
        self, duration: Duration, hours: DailyHours | None, weekdays: frozenset[int]
    ) -> None:
        """Let every run here wait for a duration, then until the slot opens."""
        slot = timing.Slot(hours, weekdays)

        def due(zone: ZoneInfo) -> datetime | None:
            return slot.opens_next(timing.wait_until(self.tick.now, duration, zone), zone)

        self._stay_until(due, None)

    def stay_until_open(
        self, hours: DailyHours, weekdays: frozenset[int], timezone: str | None
    ) -> None:
        """Let every run here wait until the slot is open; it may be so at once."""
        now, slot = self.tick.now, timing.Slot(hours, weekdays)
        test = in_zones(self.tick, self.customer, lambda zone: slot.is_open(now, zone), timezone)
        open_now = and_(self.here, self._of_customer(test))
        leave_step(self.tick, self.live, self.node.next, open_now)
        self._stay_until(lambda zone: slot.opens_next(now, zone), timezone)

    def leave(self, reason: str, detail: str | None) -> None:
        """End every run here."""
        values = {**ending(self.tick, reason), "exit_detail": detail}
        self.tick.execute(update(run).where(self.here).values(**values))

    def stand(self) -> None:
        """Let every run here stand at its send until the gate has decided."""
        self.tick.execute(update(run).where(self.here).values(moving=0))

    def set(self, name: str, value: Any) -> None:
        """Write an attribute of the customers of every run here; in shadow only note it."""
        if self.live.is_shadow:
            self.log("set", literal(name))
            return
        set_attribute(self.tick, self.here, name, value)

    # --- what they are made of --------------------------------------------------------

    def skip_unless(self, criterion: Criterion) -> None:
        """Send the runs that reach the step and for which ``only_if`` fails past it.

        A send that was held before is dropped by a decision of the gate (semantics 42).
        """
        reached = and_(self.here, run.c.held_reason.is_(None))
        dropped = and_(reached, ~self._holds(criterion))
        leave_step(self.tick, self.live, self.node.next, dropped)

    def _holds(self, criterion: Criterion) -> ColumnElement[bool]:
        return self._of_customer(self.scope().predicate(criterion))

    def _of_customer(self, test: ColumnElement[bool]) -> ColumnElement[bool]:
        query = select(self.customer.c.id).where(self.customer.c.id == run.c.customer_id, test)
        return exists(query.correlate(run))

    def _stay_until(self, due: Callable[[ZoneInfo], datetime | None], timezone: str | None) -> None:
        instant = due_by_zone(self.tick, due, timezone)
        self.tick.execute(update(run).where(self.here).values(due_at=instant, moving=0))


def leave_step(tick: Tick, live: LiveFlow, to: str | None, which: ColumnElement[bool]) -> None:
    """Send some runs on to a step; None completes them."""
    values = ending(tick, "completed") if to is None else arrival(tick, live, to)
    tick.execute(update(run).where(which).values(**values))


def arrival(tick: Tick, live: LiveFlow, step: str) -> Mapping[str, Any]:
    """Return the values of a run that reaches a step now."""
    return {
        "step": step,
        "reached_at": to_micros(tick.now),
        "due_at": None,
        "held_reason": None,
        "moving": int(live.graph.is_walked(step)),
        "tried": 0,
    }


def ending(tick: Tick, reason: str) -> Mapping[str, Any]:
    """Return the values of a run that ends now, during the rounds."""
    return {
        "status": "ended",
        "exit_reason": reason,
        "ended_at": to_micros(tick.now),
        "ended_late": 1,
        "due_at": None,
        "held_reason": None,
        "moving": 0,
    }


def finish_waits(tick: Tick, live: LiveFlow) -> None:
    """Send the runs whose wait is over past the step they waited on."""
    for node in live.graph.nodes.values():
        walk = Walk(tick, live, node)
        if node.step.waits:
            waited = and_(walk.here, run.c.due_at.is_not(None))
            leave_step(tick, live, node.next, waited)


def move(tick: Tick, live: LiveFlow) -> None:
    """Move every run of a flow that may move, as far as it goes."""
    volatile = asks_what_changes(tick, live)
    for node in live.graph.nodes.values():
        walk = Walk(tick, live, node)
        if not tick.any(walk.here):
            continue
        if volatile:
            end_runs(tick, live, walk.here)
        if node.step.only_if is not None:
            walk.skip_unless(node.step.only_if)
        node.step.advance(walk)


def asks_what_changes(tick: Tick, live: LiveFlow) -> bool:
    """Return whether goal or exits depend on what a tick itself changes.

    Only messages it decides, attributes it sets and consents it writes can change between
    two steps of one tick; anything else was answered when the run was taken up or opened.
    """
    steps = [node.step for other in tick.flows.values() for node in other.graph.nodes.values()]
    set_here = {str(name) for step in steps if isinstance(step, Set) for name in step.operand}
    heads = {"received", "not_received"}
    if any(isinstance(step, Subscription) for step in steps):
        heads |= {"subscribed_to", "not_subscribed_to"}
    return any(
        leaf.head in heads or str(leaf.operand) in set_here for leaf in leaves(live.flow.exits_when)
    )
