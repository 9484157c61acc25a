"""A way of a branch that is never taken."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.criteria.base import Criterion
from orchestrator.flow.steps.branch import Branch
from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.contradictions import always_true, opposite
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import flows_in_use, steps_of

CODE = "CLM402"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield ways that every customer has left for another way above."""
    for flow in flows_in_use(playbook):
        for step in steps_of(flow):
            if isinstance(step, Branch):
                yield from _never_taken(step)


def _never_taken(branch: Branch) -> Iterator[Problem]:
    above: list[Criterion] = []
    for way in branch.operand:
        same = next((other for other in above if other == way.if_), None)
        if same is not None:
            yield _problem(way.mark, f"line {same.mark.line} asks the same before")
        elif _covers_everybody(above):
            yield _problem(way.mark, "the ways above take everybody")
        above.append(way.if_)
    if branch.otherwise and _covers_everybody(above):
        yield _problem(branch.mark_at("otherwise"), "the ways above take everybody")


def _covers_everybody(above: list[Criterion]) -> bool:
    return any(always_true(criterion) for criterion in above) or any(
        opposite(one, other) for one in above for other in above
    )


def _problem(mark: Mark, why: str) -> Problem:
    return Problem(
        mark,
        CODE,
        f"this way is never taken: {why}",
        help="ways are asked from top to bottom; the first that holds is taken",
        severity="warning",
    )
