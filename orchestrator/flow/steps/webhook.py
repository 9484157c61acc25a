"""``webhook``: calls an address of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.flow.told import answer_event
from orchestrator.language.containers import MapOf
from orchestrator.language.durations import Duration
from orchestrator.language.literals import Literal, LiteralShape
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.reader import Reader
from orchestrator.language.shapes import OneOf
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Webhook(Step):
    """Call an address of the catalog; the call is queued in the ledger like a message.

    With `at_most` the run waits for the answer. With an `id`, say `usage`, the fields that the
    catalog lists under `gives` are then `usage.projects`, and `usage.timed_out` says whether
    none came. A customer in a control group is not called for, and does not wait.
    """

    heads = ("webhook",)
    polls = True
    tries_again = False
    operand_shape = Ref("webhook")
    operand_doc = "A webhook of the catalog."
    example = """\
- webhook: loyalty_points
  with: {points: 50}
  if_it_fails: retry
- webhook: usage_stats
  id: usage
  at_most: 1 hour
"""

    operand: Name
    with_: dict[Name, Literal] | None = word(
        MapOf(DataName("value"), LiteralShape()), "What is sent along.", default=None
    )
    at_most: Duration | None = word(
        DurationShape(),
        "Wait for the answer, so long from when the step is reached; a day is 24 hours.",
        default=None,
    )
    if_it_fails: str = word(
        OneOf("skip", "exit", "retry"),
        "`skip` (default) goes on without an answer, `exit` leaves the flow, `retry` calls again "
        "at each run, for `at_most` or else 3 days. No answer in time counts as a failure, but is "
        "not retried.",
        default="skip",
    )

    def check(self, reader: Reader) -> None:
        if self.if_it_fails == "exit" and "at_most" not in self.marks:
            reader.report(
                self.mark_at("if_it_fails"),
                "CLM108",
                '"if_it_fails: exit" needs "at_most" beside it',
                help="without it the run goes on at once and cannot know",
            )

    def brings(self) -> tuple[str, ...] | None:
        return None if self.at_most is None else (answer_event(self.operand),)

    def advance(self, walk: Walk) -> None:
        walk.call(self)
