"""``in_variant``: the share of a split that the customer falls into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.language.names import Name, Ref

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class InVariant(Condition):
    """Whether a split gives the customer this share, walked through it or not."""

    heads = ("in_variant",)
    operand_shape = Ref("variant", says="split/share, or flow/split/share")
    operand_doc = (
        "The split's id and the share: `split/share`. Inside a flow that is this flow's own "
        "split, if it has one of that id; a split of several flows is `flow/split/share`."
    )
    example = """\
- in_variant: nurture_copy/story
- in_variant: trial_nurture/nurture_copy/short
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        return scope.in_variant(self.operand)

    def swept(self, sweep: Sweep) -> None:
        """Say nothing: a share does not change with time."""

    def says(self) -> str:
        return f"in the variant {self.operand}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.variant_bucket(self.operand)
