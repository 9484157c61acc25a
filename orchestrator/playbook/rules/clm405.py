"""An open as the only sign of interest."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import asked, flows_in_use

CODE = "CLM405"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield decisions that rest on opens alone."""
    for question in asked(playbook):
        heads = {leaf.head for leaf in question.leaves()}
        if heads and heads <= {"opened", "not_opened"}:
            mark = next(iter(question.leaves())).mark
            yield _problem(mark, str(question))
    for flow in flows_in_use(playbook):
        if flow.goal and flow.goal.opened:
            yield _problem(flow.goal.mark_at("opened"), f'goal of the flow "{flow.flow}"')


def _problem(mark: Mark, what: str) -> Problem:
    return Problem(
        mark,
        CODE,
        f"{what} rests on opens alone",
        help="mail programs open messages by themselves to protect privacy; ask for a click or "
        "an event as well",
        severity="warning",
    )
