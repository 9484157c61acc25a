"""Moving runs through their steps (part 5 of a tick; semantics 27, 42-43).

A ``Walk`` is one flow's steps under one step's feet: the kinds of step say what happens,
in these words. Steps are visited in document order, and every edge but the way back of a
``repeat`` leads further down: one visit each, and again while a run came back, moves every
run until it waits, ends or stands at a send.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, bindparam, exists, literal, select, update

from orchestrator import openings, tables
from orchestrator.columns import to_micros
from orchestrator.criteria.base import Criterion
from orchestrator.criteria.scope import Scope
from orchestrator.flow.graph import Node
from orchestrator.flow.steps.wait_until_date import WaitUntilDate
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.tables.reading import aliased
from orchestrator.tick import answers, calls, days, laps, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.effects import Effects
from orchestrator.tick.holds import close_holds
from orchestrator.tick.live_flow import LiveFlow, Place
from orchestrator.tick.moves import ending, leave_step
from orchestrator.tick.passing import pass_over
from orchestrator.tick.runs import end_runs
from orchestrator.tick.setting import in_turns, set_attribute
from orchestrator.tick.volatile import is_volatile
from orchestrator.tick.zones import due_by_zone, in_zones

run = workspace.run
_ANYBODY = (
    select(literal(1))
    .where(*(run.c[name] == bindparam(name) for name in ("flow", "version", "step")))
    .where(run.c.moving == 1)
    .limit(1)
)
_MARKED = 2
"""``moving`` of runs that a test has set apart, until they are sent on."""


@dataclass
class Walk(Effects):
    """Moves the runs that are about to do one step."""

    tick: Tick
    live: LiveFlow
    node: Node
    customer: Any = field(default_factory=lambda: aliased(tables.customer))

    @cached_property
    def here(self) -> ColumnElement[bool]:
        """The runs that are about to do this step."""
        return and_(self.live.walkers, run.c.step == self.node.id, run.c.moving == 1)

    def is_anybody_here(self) -> bool:
        """Return whether there is any run here."""
        at = {"flow": self.live.name, "version": self.live.version, "step": self.node.id}
        return self.tick.connection.execute(_ANYBODY, at).first() is not None

    def scope(self) -> Scope:
        """Return the scope that the step's conditions are compiled in."""
        return self.tick.scope(self.customer, self.live.name, run=run, each=True, this_run=True)

    # --- words for kinds of step ------------------------------------------------------

    def go_on(self) -> None:
        """Send every run here to the step that follows."""
        leave_step(self.tick, self.live, self.node, self.node.next, self.here)

    def take_way(self, label: str, criterion: Criterion | None) -> None:
        """Send the runs for which a condition holds into an inner list of steps."""
        which = self.here if criterion is None else and_(self.here, self.holds(criterion))
        leave_step(self.tick, self.live, self.node, self.node.way(label), which)

    def take_share(self, label: str, seed: str | None, low: int, high: int) -> None:
        """Send the runs whose bucket lies in ``[low, high)`` into a share of a split."""
        bucket = self.scope().bucket(seed or f"split:{self.live.name}/{self.node.id}")
        which = self._of_customer(and_(bucket >= low, bucket < high))
        leave_step(self.tick, self.live, self.node, self.node.way(label), and_(self.here, which))

    def stay_until(self, due: Callable[[ZoneInfo], datetime | None]) -> None:
        """Let every run here wait until the instant that its customer's zone has."""
        self._stay_until(due, None)

    def stay_until_open(
        self, hours: DailyHours, weekdays: frozenset[int], timezone: str | None
    ) -> None:
        """Let every run here wait until the slot is open; it may be so at once."""
        now, slot = self.tick.now, openings.Slot(hours, weekdays)
        test = in_zones(self.tick, self.customer, lambda zone: slot.is_open(now, zone), timezone)
        open_now = and_(self.here, self._of_customer(test))
        leave_step(self.tick, self.live, self.node, self.node.next, open_now)
        self._stay_until(lambda zone: slot.opens_next(now, zone), timezone)

    def stay_until_met(self, criterion: Criterion, at_most: Duration) -> None:
        """Let every run here wait until a condition holds, or until the deadline."""
        answers.stay_until_met(self, criterion, at_most)

    def stay_until_date(self, step: WaitUntilDate) -> None:
        """Let every run here wait for its own date."""
        days.stay_until_date(self, step)

    def go_round(self, at_most: int) -> None:
        """Begin the first or the next round for the runs here, or let them go on."""
        laps.go_round(self, at_most)

    def call(self, step: Webhook) -> None:
        """Queue a call for every run here; some wait for its answer."""
        calls.call(self, step)

    def leave(self, reason: str, detail: str | None) -> None:
        """End every run here."""
        self.end(self.here, reason, detail)

    def stand(self) -> None:
        """Let every run here stand at its send until the gate has decided."""
        self.tick.execute(update(run).where(self.here).values(moving=0))

    def set(self, name: str, value: Any) -> None:
        """Write an attribute of the customers of every run here; in shadow only note it."""
        if self.live.is_shadow:
            self.log("set", literal(", ".join(map(str, self.node.step.operand))))
            return
        turns = in_turns(self.tick, self.here) if self.live.flow.key else [self.here]
        for which in turns:
            set_attribute(self.tick, which, name, value)

    # --- what they are made of --------------------------------------------------------

    def skip_unless(self, criterion: Criterion) -> None:
        """Send the runs that reach the step and for which ``only_if`` fails past it.

        A send that was held before is dropped by a decision of the gate (semantics 42).
        """
        reached = and_(self.here, run.c.held_reason.is_(None))
        step = self.node.step
        if not (step.polls and step.tries_again):  # a new try asks again, a new round does not
            reached = and_(reached, run.c.due_at.is_(None))
        dropped = and_(reached, ~self.holds(criterion))
        leave_step(self.tick, self.live, self.node, self.node.next, dropped)

    def stop_if_met(self, stopper: Node, which: ColumnElement[bool] | None = None) -> None:
        """Take the runs here (or others at this step) out of what a met condition stops."""
        criterion = stopper.step.stops_when()
        if criterion is None:
            return
        self.tick.asks(criterion, self.scope(), self.here if which is None else which)
        met = self.mark(self.holds(criterion), which)
        close_holds(
            self.tick, self.live, self.node, met, reason="only_if", detail=literal(stopper.id)
        )
        leave_step(self.tick, self.live, self.node, stopper.way("if_met"), met)

    def end(self, which: ColumnElement[bool], reason: str, detail: str | None) -> None:
        """End some runs at this step."""
        values = {**ending(self.tick, reason), "exit_detail": detail}
        self.tick.execute(update(run).where(which).values(**values))

    def mark(
        self, test: ColumnElement[bool], which: ColumnElement[bool] | None = None
    ) -> ColumnElement[bool]:
        """Set the runs here (or others at this step) that pass a test apart; returns them."""
        asked = self.here if which is None else which
        self.tick.execute(update(run).where(asked, test).values(moving=_MARKED))
        at_step = and_(self.live.walkers, run.c.step == self.node.id)
        return and_(at_step, run.c.moving == _MARKED)

    def holds(self, criterion: Criterion) -> ColumnElement[bool]:
        """Return whether a condition holds for a run."""
        return self._of_customer(self.scope().predicate(criterion))

    def _of_customer(self, test: ColumnElement[bool]) -> ColumnElement[bool]:
        query = select(self.customer.c.id).where(self.customer.c.id == run.c.customer_id, test)
        return exists(query.correlate(run))

    def _stay_until(self, due: Callable[[ZoneInfo], datetime | None], timezone: str | None) -> None:
        instant = due_by_zone(self.tick, due, timezone)
        self.tick.execute(update(run).where(self.here).values(due_at=instant, moving=0))


def finish_waits(tick: Tick, live: LiveFlow, over: Collection[Place]) -> None:
    """Send the runs whose wait is over past the step they waited on.

    Args:
        over: all places at which there may be such runs.
    """
    for node in live.graph.nodes.values():
        if node.step.waits and live.place(node.id) in over:
            waited = and_(Walk(tick, live, node).here, run.c.due_at.is_not(None))
            leave_step(tick, live, node, node.next, waited)


def stop_met(tick: Tick, live: LiveFlow) -> None:
    """Take runs out of the steps that a condition around them stops, once per tick."""
    for stopper in live.graph.nodes.values():
        if stopper.step.stops_when() is None:
            continue
        for node in live.graph.inside(stopper):
            active = and_(run.c.status == "active", run.c.is_new == 0)
            there = and_(live.walkers, run.c.step == node.id, active)
            if tick.any(there):
                Walk(tick, live, node).stop_if_met(stopper, there)


def move(tick: Tick, live: LiveFlow) -> None:
    """Move every run of a flow that may move, as far as it goes."""
    came_back = and_(live.walkers, run.c.step.in_(live.graph.repeats), run.c.moving == 1)
    _move_down(tick, live)
    while live.graph.repeats and tick.any(came_back):
        _move_down(tick, live)


def _move_down(tick: Tick, live: LiveFlow) -> None:
    """Move every run as far as it goes without coming back to an earlier step."""
    volatile = is_volatile(tick, live)
    moving = and_(live.walkers, run.c.moving == 1)
    reached: set[str | None] = {place.step for place in tick.standing(moving)}
    for node in live.graph.nodes.values():
        walk = Walk(tick, live, node)
        if node.id not in reached or not walk.is_anybody_here():
            continue
        stoppers = list(live.graph.stoppers(node.id))
        for left in (node, *stoppers):
            reached |= {left.next, *left.ways.values()}
        if node.next is not None:  # which if_past may skip
            reached.add(live.graph.nodes[node.next].next)
        if volatile:
            end_runs(tick, live, walk.here)
        for stopper in stoppers:
            walk.stop_if_met(stopper, and_(walk.here, run.c.reached_at == to_micros(tick.now)))
        if tick.is_edited:
            pass_over(walk)
        if tick.observer is not None:
            tick.observer.stepped(walk)
        if node.step.only_if is not None:
            walk.skip_unless(node.step.only_if)
        node.step.advance(walk)
