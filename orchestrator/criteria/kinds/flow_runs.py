"""``in_flow`` and the entries into and exits from flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.flips import window_flip
from orchestrator.criteria.modifiers import InLast
from orchestrator.criteria.nearest import Change, Found
from orchestrator.criteria.phrases import title, window_phrase
from orchestrator.language.names import Name, Ref

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class InFlow(Condition):
    """Whether the customer has a run of a flow that has not ended."""

    heads = ("in_flow", "not_in_flow")
    operand_shape = Ref("flow")
    operand_doc = "The flow."
    pattern_heads = {
        "in_flow": "A run is active, be it waiting, held or paused.",
        "not_in_flow": "There is none, or it has ended.",
    }
    example = """\
- in_flow: welcome
- not_in_flow: win_back
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        held = scope.in_flow(self.operand)
        return ~held if self.head.startswith("not_") else held

    def swept(self, sweep: Sweep) -> None:
        """Say nothing: who enters or leaves is on the next tick's work list."""

    def says(self) -> str:
        return f"{title(self.head)} {self.operand}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.flow_since(self.operand)


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class FlowMove(Condition, InLast):
    """Whether, and when, the customer last entered or left a flow."""

    heads = ("entered_flow", "left_flow")
    operand_shape = Ref("flow")
    operand_doc = "The flow."
    pattern_heads = {
        "entered_flow": "The latest run's `entry.at`.",
        "left_flow": "The latest end of a run, for whatever reason.",
    }
    example = """\
- entered_flow: win_back
  in_last: 6 months
- left_flow: welcome
  older_than: 14 days
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        return scope.moved_flow(self.head, self.operand, self)

    def swept(self, sweep: Sweep) -> None:
        sweep.flow_moves(self.head, self.operand, self)

    def says(self) -> str:
        return f"{title(self.head)} {self.operand}{window_phrase(self)}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.flow_move_of(self.head, self.operand)

    def nearest(self, found: Found) -> Change | None:
        return Change(at=window_flip(self, found.value, found))
