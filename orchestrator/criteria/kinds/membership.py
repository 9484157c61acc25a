"""``in_segment``, ``in_stage`` and the moves into and out of stages."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.modifiers import InLast
from orchestrator.language.durations import Duration
from orchestrator.language.shapes import DurationShape, Name, Ref
from orchestrator.language.words import word


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class InSegment(Condition):
    """Whether the customer is in a segment now."""

    heads = ("in_segment", "not_in_segment")
    operand_shape = Ref("segment")
    operand_doc = "The segment."

    operand: Name


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class InStage(Condition):
    """Whether the customer is in a stage now."""

    heads = ("in_stage", "not_in_stage")
    operand_shape = Ref("stage")
    operand_doc = "The stage."

    operand: Name
    for_at_least: Duration | None = word(
        DurationShape(), "The stay began at least this long ago.", default=None
    )


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class StageMove(Condition, InLast):
    """Whether, and when, the customer last entered or left a stage."""

    heads = ("entered_stage", "left_stage")
    operand_shape = Ref("stage")
    operand_doc = "The stage."

    operand: Name
