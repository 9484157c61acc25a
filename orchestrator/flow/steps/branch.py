"""``branch``: the first way whose condition holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.flow.base import STEP_LIST, STEPS, Step
from orchestrator.language.containers import ListOf
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.words import Sentence, word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@dataclass(frozen=True, kw_only=True)
class Way(Sentence):
    """One way of a branch."""

    if_: Criterion = word(CRITERION, "Taken by the runs for which this holds.")
    do: tuple[Step, ...] = word(STEP_LIST, "The steps of this way.")


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Branch(Step):
    """Take the first way whose condition holds, else `otherwise`; then go on below."""

    heads = ("branch",)
    operand_shape = ListOf(SentenceOf(Way, "a way of a branch"))
    operand_doc = "The ways, asked from top to bottom: a list of `{if, do}`."
    example = """\
- branch:
    - if: {clicked: welcome_hello}
      do: [{send: welcome_tour}]
    - if: {attribute: country, is_one_of: [DE, AT, CH]}
      do: [{send: welcome_local_shops}]
  otherwise: [{send: welcome_reminder}]
"""

    operand: tuple[Way, ...]
    otherwise: tuple[Step, ...] | None = word(
        STEP_LIST, "The steps for everybody else.", default=None
    )

    def blocks(self) -> list[tuple[str, tuple[Step, ...]]]:
        ways = [(str(number), way.do) for number, way in enumerate(self.operand)]
        return [*ways, ("otherwise", self.otherwise)] if self.otherwise else ways

    def asks(self) -> list[tuple[str, Criterion]]:
        return [("if", way.if_) for way in self.operand]

    def may_pass(self) -> bool:
        return not self.otherwise

    def advance(self, walk: Walk) -> None:
        for number, way in enumerate(self.operand):
            walk.take_way(str(number), way.if_)
        if self.otherwise:
            walk.take_way("otherwise", None)
        walk.go_on()
