"""A condition that can never be true."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.contradictions import never_true
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import asked

CODE = "CLM401"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield the criteria that select nobody, whatever the data."""
    for question in asked(playbook):
        never = never_true(question.criterion)
        if never:
            yield Problem(
                never.mark,
                CODE,
                f"{question} can never be true: {never.why}",
                help="take one of the two away, or put them under any:",
                severity="warning",
            )
