"""``until``: steps that end early, as soon as a condition holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.flow.base import STEP_LIST, STEPS, Step
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

IF_MET_DOC = "The steps for those whose way through `do` was cut short."


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Until(Step):
    """Do some steps until a condition holds; it is looked at before each and at every tick.

    Either way the next step follows.
    """

    heads = ("until",)
    operand_shape = CRITERION
    operand_doc = "The condition that drops the rest of `do`."
    example = """\
- until: {did: plan_chosen, since: entry}
  do:
    - send: choose_a_plan
    - wait: 3 days
    - send: plans_compared
  if_met: [{send: good_choice}]
"""

    operand: Criterion
    do: tuple[Step, ...] = word(STEP_LIST, "The steps, done as long as the condition is not met.")
    if_met: tuple[Step, ...] | None = word(STEP_LIST, IF_MET_DOC, default=None)

    def blocks(self) -> list[tuple[str, tuple[Step, ...]]]:
        ways = (("do", self.do), ("if_met", self.if_met))
        return [(label, inner) for label, inner in ways if inner]

    def asks(self) -> list[tuple[str, Criterion]]:
        return [("until", self.operand)]

    def stops_when(self) -> Criterion:
        return self.operand

    def may_pass(self) -> bool:
        return not self.if_met

    def advance(self, walk: Walk) -> None:
        walk.take_way("do", None)
