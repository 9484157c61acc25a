"""A goal that is measured for ever."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import flows_in_use

CODE = "CLM432"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield goals that end nothing and count whatever happens at any time after the entry."""
    for flow in flows_in_use(playbook):
        if flow.goal is not None and flow.goal.keep_going and flow.goal.within is None:
            yield Problem(
                flow.goal.mark_at("keep_going"),
                CODE,
                f'the goal of "{flow.flow}" counts for ever: it has no "within", and the run '
                "does not end with it",
                help="say how long after the entry it counts, such as within: 14 days",
                severity="warning",
            )
