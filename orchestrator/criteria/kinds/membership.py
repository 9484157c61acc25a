"""``in_segment``, ``in_stage`` and the moves into and out of stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.flips import left_behind, window_flip
from orchestrator.criteria.modifiers import InLast
from orchestrator.criteria.nearest import Change, Found
from orchestrator.criteria.phrases import title, window_phrase
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import Name, Ref
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class InSegment(Condition):
    """Whether the customer is in a segment now."""

    heads = ("in_segment", "not_in_segment")
    operand_shape = Ref("segment")
    operand_doc = "The segment."
    pattern_heads = {
        "in_segment": "In it.",
        "not_in_segment": "Not in it.",
    }
    example = """\
- in_segment: vip
- not_in_segment: employees
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        held = scope.in_segment(self.operand)
        return ~held if self.head.startswith("not_") else held

    def swept(self, sweep: Sweep) -> None:
        """Say nothing: who moves is evaluated in the same tick."""

    def says(self) -> str:
        return f"{title(self.head)} {self.operand}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.segment_since(self.operand)


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class InStage(Condition):
    """Whether the customer is in a stage now."""

    heads = ("in_stage", "not_in_stage")
    operand_shape = Ref("stage")
    operand_doc = "The stage."
    pattern_heads = {
        "in_stage": "In it.",
        "not_in_stage": "Not in it, or not for so long.",
    }
    example = """\
- in_stage: active
  for_at_least: 30 days
- not_in_stage: lapsed
"""

    operand: Name
    for_at_least: Duration | None = word(
        DurationShape(), "The stay began at least this long ago.", default=None
    )

    def predicate(self, scope: Scope) -> Predicate:
        held = scope.in_stage(self.operand, self.for_at_least)
        return ~held if self.head.startswith("not_") else held

    def swept(self, sweep: Sweep) -> None:
        if self.for_at_least:
            sweep.stays(self.operand, self.for_at_least)

    def says(self) -> str:
        lasting = f" for at least {self.for_at_least}" if self.for_at_least else ""
        return f"{title(self.head)} {self.operand}{lasting}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.stage_of()

    def pivot(self, scope: Scope, *, wanted: bool) -> Actual | None:
        lasting = wanted is not self.head.startswith("not_") and self.for_at_least
        return scope.shown.stage_since(self.operand) if lasting else None

    def nearest(self, found: Found) -> Change | None:
        if found.pivot is None or self.for_at_least is None:
            return None
        return Change(at=left_behind(found.pivot, self.for_at_least))


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class StageMove(Condition, InLast):
    """Whether, and when, the customer last entered or left a stage."""

    heads = ("entered_stage", "left_stage")
    operand_shape = Ref("stage")
    operand_doc = "The stage."
    pattern_heads = {
        "entered_stage": "The latest entry.",
        "left_stage": "The latest exit.",
    }
    example = """\
- entered_stage: lapsed
  in_last: 7 days
- left_stage: trial
  older_than: 30 days
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        return scope.moved(self.head, self.operand, self)

    def swept(self, sweep: Sweep) -> None:
        sweep.moves(self.head, self.operand, self)

    def says(self) -> str:
        return f"{title(self.head)} {self.operand}{window_phrase(self)}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.move_of(self.head, self.operand)

    def nearest(self, found: Found) -> Change | None:
        return Change(at=window_flip(self, found.value, found))
