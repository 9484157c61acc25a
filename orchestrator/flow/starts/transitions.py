"""``enters_stage`` and its like: a change between two ticks starts the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.flow.base import STARTS, Occurring
from orchestrator.language.names import Name, Ref
from orchestrator.language.shapes import Truth
from orchestrator.language.words import word

if TYPE_CHECKING:
    from sqlalchemy import Select

    from orchestrator.tick.candidates import Candidates

BACKFILL_DOC = "`true` takes in whoever is there when the flow goes live."


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class StageStart(Occurring):
    """Start once per entry into, or exit from, a stage."""

    heads = ("enters_stage", "leaves_stage")
    operand_shape = Ref("stage")
    operand_doc = "The stage."
    pattern_heads = {
        "enters_stage": "Enters it.",
        "leaves_stage": "Leaves it.",
    }
    example = """\
- enters_stage: lapsed
  backfill: true
- leaves_stage: trial
"""

    operand: Name
    backfill: bool | None = word(Truth(), BACKFILL_DOC, default=None)

    def candidates(self, found: Candidates) -> Select[Any]:
        return found.of_stage(self.head, self.operand, backfill=self.backfill)


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class SegmentStart(Occurring):
    """Start once per entry into, or exit from, a segment."""

    heads = ("enters_segment", "leaves_segment")
    operand_shape = Ref("segment")
    operand_doc = "The segment."
    pattern_heads = {
        "enters_segment": "Enters it.",
        "leaves_segment": "Leaves it.",
    }
    example = """\
- enters_segment: cart_abandoners
- leaves_segment: vip
"""

    operand: Name
    backfill: bool | None = word(Truth(), BACKFILL_DOC, default=None)

    def candidates(self, found: Candidates) -> Select[Any]:
        return found.of_segment(self.head, self.operand, backfill=self.backfill)


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class FlowStart(Occurring):
    """Start once per run of another flow that ended."""

    heads = ("leaves_flow",)
    operand_shape = Ref("flow")
    operand_doc = "The other flow."
    example = """\
- leaves_flow: welcome
"""

    operand: Name

    def candidates(self, found: Candidates) -> Select[Any]:
        return found.of_flow(self.operand)
