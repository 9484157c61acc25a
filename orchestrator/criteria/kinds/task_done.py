"""``task_done``: whether what a run asked a person to do is done."""

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
class TaskDone(Condition):
    """Whether a task of this run is done; of a repeated one, every one of them.

    It is asked inside a flow only, and false while the run has no such task.
    """

    heads = ("task_done",)
    operand_shape = Ref("task")
    operand_doc = "The id of a `task` step of the same flow."
    example = """\
- task_done: call
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        return scope.task_done(self.operand)

    def swept(self, sweep: Sweep) -> None:
        sweep.tasks(self.operand)

    def says(self) -> str:
        return f"the task {self.operand} is done"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.latest_task(self.operand)
