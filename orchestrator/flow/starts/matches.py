"""``matches``: whoever fits now and may enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.flow.base import STARTS, Start

if TYPE_CHECKING:
    from sqlalchemy import Select

    from orchestrator.criteria.sweep import Sweep
    from orchestrator.tick.candidates import Candidates


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class MatchesStart(Start):
    """Start for whoever matches at a tick (a level, not an edge) and may enter again."""

    heads = ("matches",)
    operand_shape = CRITERION
    operand_doc = "The conditions."
    example = """\
- matches:
    - {last: purchase, older_than: 60 days}
    - {in_segment: vip}
"""

    asks_again = True

    operand: Criterion

    def swept(self, sweep: Sweep) -> None:
        sweep.of(self.operand, sweep.flow)

    def candidates(self, found: Candidates) -> Select[Any]:
        return found.of_matching(self.operand)
