"""``task``: asks a person to do something about the customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.shapes import Text
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Task(Step):
    """Give a person a task and go on; `clmctl tasks` lists the tasks and marks them done.

    `task_done: <step id>` asks whether it is done.
    """

    heads = ("task",)
    operand_shape = Text()
    operand_doc = "What is to be done."
    example = """\
- task: Call this detractor
  id: call
  assign_to: success_team
  due: 2 days
"""

    operand: str
    assign_to: str | None = word(Text(), "Who is to do it: a person or a team.", default=None)
    due: Duration | None = word(
        DurationShape(), "How long they have (a day is 24 hours).", default=None
    )

    def advance(self, walk: Walk) -> None:
        walk.give_task(self.operand, self.assign_to, self.due)
        walk.go_on()
