"""``matches``: whoever fits now and may enter."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.flow.base import STARTS, Start


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

    operand: Criterion
