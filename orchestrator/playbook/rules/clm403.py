"""A step that nobody reaches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from orchestrator.flow.base import Step
from orchestrator.flow.steps.exit import Exit
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import flows_in_use, lists_of_steps

CODE = "CLM403"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield the first step after one that everybody leaves the flow at."""
    for flow in flows_in_use(playbook):
        for steps in lists_of_steps(flow.steps):
            for step, after in pairwise(steps):
                if _ends_here(step):
                    yield Problem(
                        after.mark,
                        CODE,
                        f"nobody reaches this step: everybody leaves on line {step.mark.line}",
                        help="move it above, or take it away",
                        severity="warning",
                    )
                    break


def _ends_here(step: Step) -> bool:
    """Return whether every run that reaches the step leaves the flow in it."""
    if step.only_if is not None:
        return False
    if isinstance(step, Exit):
        return True
    blocks = [inner for _, inner in step.blocks()]
    return not step.may_pass() and all(map(_ends_inside, blocks))


def _ends_inside(steps: tuple[Step, ...]) -> bool:
    return any(_ends_here(step) for step in steps)
