"""Which conditions were ever true, ever false, and which steps were ever reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, case, func, select

from orchestrator import tables
from orchestrator.criteria.base import Condition, Criterion, Group, leaves
from orchestrator.criteria.scope import Scope
from orchestrator.flow.base import Step
from orchestrator.flow.graph import graph
from orchestrator.flow.steps.branch import Branch
from orchestrator.language.marks import Mark
from orchestrator.playbook.model import Flow
from orchestrator.tick import workspace
from orchestrator.tick.context import LiveFlow, Tick
from orchestrator.tick.walk import Walk


class Gap(NamedTuple):
    """Something of a flow that no test has shown."""

    flow: str
    mark: Mark
    says: str


@dataclass
class Coverage:
    """What some tests have shown of their flows. It watches ticks, and asks what they ask."""

    flows: dict[str, Flow] = field(default_factory=dict)
    reached: set[tuple[str, str]] = field(default_factory=set)
    """(flow, step)."""
    answered: set[tuple[Mark, bool]] = field(default_factory=set)
    """Conditions by their place, with the answers they gave."""

    # --- watching ---------------------------------------------------------------------

    def entered(self, tick: Tick) -> None:
        """Take note of the conditions that decided who enters, and who leaves."""
        for live in tick.flows.values():
            self.flows[live.name] = live.flow
            self._entries(tick, live)
            self._exits(tick, live)

    def stepped(self, walk: Walk) -> None:
        """Take note of a step that runs are about to do, and of what it asks of them."""
        self.reached.add((walk.live.name, walk.node.id))
        asked = list(criteria_of(walk.node.step))
        if asked:
            rows = workspace.run
            self._ask(walk.tick, asked, walk.scope(), rows, walk.here)

    def ended(self, tick: Tick) -> None:
        """Take note of the steps that runs stand on, or were decided about, as a tick ends."""
        for rows in (workspace.run, workspace.decision):
            query = select(rows.c.flow, rows.c.step).where(rows.c.step.is_not(None)).distinct()
            self.reached |= {(flow, step) for flow, step in tick.connection.execute(query)}

    def _entries(self, tick: Tick, live: LiveFlow) -> None:
        rows = workspace.entry
        looked_at = rows.c.reason.is_(None) | rows.c.reason.in_(("audience", "exits_when"))
        scope = tick.scope(tables.customer.alias(), live.name, run=rows, each=True)
        here = (rows.c.flow == live.name) & looked_at
        self._ask(tick, [live.flow.audience], scope, rows, here)

    def _exits(self, tick: Tick, live: LiveFlow) -> None:
        rows = tables.enrollment.alias()
        scope = tick.scope(tables.customer.alias(), live.name, run=rows, each=True, this_run=True)
        here = (rows.c.flow == live.name) & (rows.c.status == "active")
        self._ask(tick, [live.flow.exits_when], scope, rows, here)

    def _ask(
        self,
        tick: Tick,
        asked: Iterable[Criterion | None],
        scope: Scope,
        rows: FromClause,
        here: ColumnElement[bool],
    ) -> None:
        """Ask each condition that has not given both answers yet, of all rows at once."""
        for leaf in (leaf for criterion in asked for leaf in leaves(criterion)):
            if {(leaf.mark, True), (leaf.mark, False)} <= self.answered:
                continue
            holds: Any = case((scope.predicate(leaf), 1), else_=0)
            query = (
                select(func.min(holds), func.max(holds))
                .join_from(rows, scope.customer, scope.customer.c.id == rows.c.customer_id)
                .where(here)
            )
            for answer in tick.connection.execute(query).one():
                if answer is not None:
                    self.answered.add((leaf.mark, bool(answer)))

    # --- telling ----------------------------------------------------------------------

    def gaps(self) -> list[Gap]:
        """Return what of the flows under test no test has shown, by flow and place."""
        return sorted(gap for name, flow in self.flows.items() for gap in self._gaps(name, flow))

    def _gaps(self, name: str, flow: Flow) -> Iterator[Gap]:
        asked: list[Criterion | None] = [flow.audience, flow.exits_when]
        for id, node in graph(flow.steps).nodes.items():
            if (name, id) not in self.reached:
                yield Gap(name, node.step.mark, f"the step {id} was never reached")
                continue
            asked += criteria_of(node.step)
        for leaf in (leaf for criterion in asked for leaf in leaves(criterion)):
            yield from self._never(name, leaf)

    def _never(self, name: str, leaf: Condition) -> Iterator[Gap]:
        answers = [answer for answer in (True, False) if (leaf.mark, answer) in self.answered]
        if not answers:
            yield Gap(name, leaf.mark, f"never asked: {leaf.says()}")
        elif len(answers) == 1:
            never = "false" if answers[0] else "true"
            yield Gap(name, leaf.mark, f"never {never}: {leaf.says()}")

    def counts(self) -> tuple[int, int]:
        """Return how much was shown, and of how much: steps, and both answers of conditions."""
        steps = sum(len(graph(flow.steps).nodes) for flow in self.flows.values())
        asked = [
            leaf
            for flow in self.flows.values()
            for criterion in (
                flow.audience,
                flow.exits_when,
                *(
                    one
                    for node in graph(flow.steps).nodes.values()
                    for one in criteria_of(node.step)
                ),
            )
            for leaf in leaves(criterion)
        ]
        reached = sum(
            (name, id) in self.reached
            for name, flow in self.flows.items()
            for id in graph(flow.steps).nodes
        )
        answers = sum(
            (leaf.mark, answer) in self.answered for leaf in asked for answer in (True, False)
        )
        return reached + answers, steps + 2 * len(asked)


def criteria_of(step: Step) -> Iterator[Criterion]:
    """Yield what a step itself asks, without the steps inside it."""
    found = [step.only_if, step.operand, getattr(step, "until", None)]
    if isinstance(step, Branch):
        found += [way.if_ for way in step.operand]
    for one in found:
        if isinstance(one, Condition | Group):
            yield one
