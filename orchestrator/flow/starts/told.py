"""``told_by``: another flow's ``start_flow`` starts the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.flow.base import STARTS, Occurring
from orchestrator.language.containers import OneOrMany
from orchestrator.language.names import Name, Ref

if TYPE_CHECKING:
    from sqlalchemy import Select

    from orchestrator.tick.candidates import Candidates


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class ToldStart(Occurring):
    """Start once per `start_flow` of the other flows; its `with` values are `entry.x`."""

    heads = ("told_by",)
    operand_shape = OneOrMany(Ref("flow"))
    operand_doc = "The flows that may start this one."
    example = """\
- told_by: [referral_purchase]
"""

    operand: tuple[Name, ...]

    def candidates(self, found: Candidates) -> Select[Any]:
        return found.of_told(self.operand)
