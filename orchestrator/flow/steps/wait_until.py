"""``wait_until``: stays until a condition holds, at most for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.criteria.ending import ending_events
from orchestrator.flow.base import STEP_LIST, STEPS, Step
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class WaitUntil(Step):
    """Wait until a condition holds, at most so long; it is asked at once and at every tick.

    With an `id`, say `answer`, what ended the wait is kept: `answer.did` (the event),
    `answer.at`, `answer.timed_out`, and the properties of the earliest such event.
    """

    heads = ("wait_until",)
    polls = True
    operand_shape = CRITERION
    operand_doc = "The condition that ends the wait; it wins also after the deadline."
    example = """\
- wait_until: {did: nps_answered, since: entry}
  id: answer
  at_most: 6 days
  if_met: [{send: nps_thanks, only_if: {attribute: answer.score, at_least: 9}}]
  if_timed_out: [{exit: no answer}]
- wait_until: {clicked: cart_reminder}
  at_most: 20 hours
  if_timed_out: [{send: cart_last_call}]
"""

    operand: Criterion
    at_most: Duration = word(
        DurationShape(), "The deadline, from when the step is reached; a day is 24 hours."
    )
    if_met: tuple[Step, ...] | None = word(
        STEP_LIST, "The steps for those for whom the condition held.", default=None
    )
    if_timed_out: tuple[Step, ...] | None = word(
        STEP_LIST, "The steps for those who reached the deadline.", default=None
    )

    def blocks(self) -> list[tuple[str, tuple[Step, ...]]]:
        ways = (("if_met", self.if_met), ("if_timed_out", self.if_timed_out))
        return [(label, inner) for label, inner in ways if inner]

    def asks(self) -> list[tuple[str, Criterion]]:
        return [("wait_until", self.operand)]

    def may_pass(self) -> bool:
        return not (self.if_met and self.if_timed_out)

    def brings(self) -> tuple[str, ...]:
        return ending_events(self.operand)

    def advance(self, walk: Walk) -> None:
        walk.stay_until_met(self.operand, self.at_most)
