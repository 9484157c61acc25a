"""Which conditions were ever true, ever false, and which steps were ever reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, case, func, select

from orchestrator import tables
from orchestrator.criteria.base import Condition, Criterion, leaves
from orchestrator.criteria.scope import Scope, population
from orchestrator.flow.base import Step
from orchestrator.flow.graph import graph
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.language.marks import Mark
from orchestrator.playbook.model import Flow
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.walk import Walk


class Gap(NamedTuple):
    """Something that no test has shown."""

    kind: str
    """Of what: ``flow``, ``segment`` or ``stage``."""
    name: str
    mark: Mark
    says: str


class _Part(NamedTuple):
    """A step, or what else asks conditions."""

    kind: str
    name: str
    step: str | None
    """The step's id, None of what is no step."""
    mark: Mark
    criteria: tuple[Criterion | None, ...]

    def leaves(self) -> Iterator[Condition]:
        """Yield the conditions it asks."""
        for criterion in self.criteria:
            yield from leaves(criterion)


@dataclass
class Coverage:
    """What some tests have shown of flows, and of the segments and stages that these ask about.

    It watches ticks, and asks what they ask.
    """

    flows: dict[str, Flow] = field(default_factory=dict)
    units: dict[tuple[str, str], Criterion | None] = field(default_factory=dict)
    """(``segment`` or ``stage``, name) → its condition; None of the stage that takes the rest."""
    reached: set[tuple[str, str]] = field(default_factory=set)
    """(flow, step)."""
    answered: set[tuple[Mark, bool]] = field(default_factory=set)
    """Conditions by their place, with the answers they gave."""

    # --- watching ---------------------------------------------------------------------

    def entered(self, tick: Tick) -> None:
        """Take note of the conditions that decided who is where, who enters, and who leaves."""
        self._segments(tick)
        self._stages(tick)
        for live in tick.flows.values():
            self.flows[live.name] = live.flow
            self._starts(tick, live)
            self._entries(tick, live)
            self._exits(tick, live)

    def stepped(self, walk: Walk) -> None:
        """Take note of a step that runs are about to do, and of what it asks of them."""
        self.reached.add((walk.live.name, walk.node.id))
        step, scope = walk.node.step, walk.scope()
        asked = [one for one in criteria_of(step) if one is not step.stops_when()]
        self._ask(walk.tick, asked, scope, _of(workspace.run, scope), walk.here)

    def asked(
        self, tick: Tick, criterion: Criterion, scope: Scope, here: ColumnElement[bool]
    ) -> None:
        """Take note of a condition that may take runs from where they are."""
        self._ask(tick, [criterion], scope, _of(workspace.run, scope), here)

    def ended(self, tick: Tick) -> None:
        """Take note of the steps that runs stand on, or were decided about, as a tick ends."""
        for rows in (workspace.run, workspace.decision):
            query = select(rows.c.flow, rows.c.step).where(rows.c.step.is_not(None)).distinct()
            self.reached |= {(flow, step) for flow, step in tick.connection.execute(query)}

    def _segments(self, tick: Tick) -> None:
        for name, segment in tick.playbook.segments.items():
            self.units["segment", str(name)] = segment.when
            scope = tick.scope(tables.customer.alias(), str(name), each=True)
            here = population(scope.customer, tick.now)
            self._ask(tick, [segment.when], scope, scope.customer, here)

    def _stages(self, tick: Tick) -> None:
        """Ask the conditions of stages, each of those whom no stage above it takes."""
        customer = tables.customer.alias()
        here = population(customer, tick.now)
        for stage in tick.playbook.stages:
            self.units["stage", str(stage.stage)] = stage.when
            if stage.when is not None:
                scope = tick.scope(customer, str(stage.stage), each=True)
                self._ask(tick, [stage.when], scope, customer, here)
                here = and_(here, ~scope.predicate(stage.when))

    def _starts(self, tick: Tick, live: LiveFlow) -> None:
        scope = tick.scope(tables.customer.alias(), live.name, each=True)
        here = population(scope.customer, tick.now)
        self._ask(tick, _matched(live.flow), scope, scope.customer, here)

    def _entries(self, tick: Tick, live: LiveFlow) -> None:
        rows = workspace.entry
        customer, mine = tables.customer.alias(), rows.c.flow == live.name
        let_in = mine & (rows.c.reason.is_(None) | (rows.c.reason == "exits_when"))
        scope = tick.scope(customer, live.name, run=rows, each=True)
        asked = let_in | (mine & (rows.c.reason == "audience"))
        self._ask(tick, [live.flow.audience], scope, _of(rows, scope), asked)
        inside = tick.scope(customer, live.name, run=rows, each=True, this_run=True)
        self._ask(tick, [live.flow.exits_when], inside, _of(rows, inside), let_in)

    def _exits(self, tick: Tick, live: LiveFlow) -> None:
        rows = tables.enrollment.alias()
        scope = tick.scope(tables.customer.alias(), live.name, run=rows, each=True, this_run=True)
        here = (rows.c.flow == live.name) & (rows.c.status == "active")
        self._ask(tick, [live.flow.exits_when], scope, _of(rows, scope), here)

    def _ask(
        self,
        tick: Tick,
        asked: Iterable[Criterion | None],
        scope: Scope,
        rows: FromClause,
        here: ColumnElement[bool],
    ) -> None:
        """Ask each condition that has not given both answers yet, of all rows at once.

        Args:
            rows: the scope's customers, with whatever ``here`` tests beside them.
        """
        for leaf in (leaf for criterion in asked for leaf in leaves(criterion)):
            if {(leaf.mark, True), (leaf.mark, False)} <= self.answered:
                continue
            holds: Any = case((scope.predicate(leaf), 1), else_=0)
            query = select(func.min(holds), func.max(holds)).select_from(rows).where(here)
            for answer in tick.connection.execute(query).one():
                if answer is not None:
                    self.answered.add((leaf.mark, bool(answer)))

    # --- telling ----------------------------------------------------------------------

    def gaps(self) -> list[Gap]:
        """Return what no test has shown of what is under test, by kind, name and place."""
        return sorted(gap for part in self._parts() for gap in self._gaps(part))

    def _parts(self) -> Iterator[_Part]:
        for name, flow in self.flows.items():
            own = (*_matched(flow), flow.audience, flow.exits_when)
            yield _Part("flow", name, None, flow.mark, own)
            for id, node in graph(flow.steps).nodes.items():
                yield _Part("flow", name, id, node.step.mark, tuple(criteria_of(node.step)))
        for (kind, name), when in self.units.items():
            if when is not None:
                yield _Part(kind, name, None, when.mark, (when,))

    def _is_reached(self, part: _Part) -> bool:
        return part.step is None or (part.name, part.step) in self.reached

    def _gaps(self, part: _Part) -> Iterator[Gap]:
        if not self._is_reached(part):
            says = f"the step {part.step} was never reached"
            yield Gap(part.kind, part.name, part.mark, says)
            return
        for leaf in part.leaves():
            answers = [answer for answer in (True, False) if (leaf.mark, answer) in self.answered]
            if len(answers) < 2:
                never = "never " + ("false" if answers == [True] else "true") if answers else ""
                says = f"{never or 'never asked'}: {leaf.says()}"
                yield Gap(part.kind, part.name, leaf.mark, says)

    def counts(self) -> tuple[int, int]:
        """Return how much was shown, and of how much: steps, and both answers of conditions."""
        shown = possible = 0
        for part in self._parts():
            asked = [(leaf.mark, answer) for leaf in part.leaves() for answer in (True, False)]
            shown += sum(one in self.answered for one in asked)
            possible += len(asked)
            if part.step is not None:
                shown += self._is_reached(part)
                possible += 1
        return shown, possible


def _of(rows: FromClause, scope: Scope) -> FromClause:
    """Return rows that have a ``customer_id``, beside their customers."""
    return rows.join(scope.customer, scope.customer.c.id == rows.c.customer_id)


def _matched(flow: Flow) -> tuple[Criterion, ...]:
    """Return the conditions of starts that ask everybody again at every tick."""
    return tuple(one.operand for one in flow.starts_when if isinstance(one, MatchesStart))


def criteria_of(step: Step) -> Iterator[Criterion]:
    """Yield what a step itself asks, without the steps inside it."""
    if step.only_if is not None:
        yield step.only_if
    yield from (criterion for _, criterion in step.asks())
