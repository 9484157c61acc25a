"""``exit``: leaves the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.shapes import Text

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Exit(Step):
    """Leave the flow here, with a reason of your own."""

    heads = ("exit",)
    operand_shape = Text()
    operand_doc = "The reason, kept as the exit's detail."
    example = """\
- exit: no longer interested
"""

    operand: str

    def advance(self, walk: Walk) -> None:
        walk.leave("step", self.operand)
