"""``sample``: a stable share of the customers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from orchestrator.counting import percent
from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.language.shapes import Share, Text
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class Sample(Condition):
    """Whether the customer falls into a share; raising the share only adds people."""

    heads = ("sample",)
    operand_shape = Share()
    operand_doc = "The share: `10%`."
    example = """\
- sample: 10%
- sample: 25%
  seed: spring
"""

    operand: Decimal
    seed: str | None = word(
        Text(), "Another seed than `sample:<flow, segment or stage>`.", default=None
    )

    def predicate(self, scope: Scope) -> Predicate:
        return scope.in_share(self.seed or f"sample:{scope.owner}", self.operand)

    def swept(self, sweep: Sweep) -> None:
        """Say nothing: a share does not change with time."""

    def says(self) -> str:
        return f"in the {percent(self.operand)} sample"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.bucket_of(self.seed or f"sample:{scope.owner}", self.operand)
