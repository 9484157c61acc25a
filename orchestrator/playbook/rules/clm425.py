"""A control group of everybody."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import flows_in_use

CODE = "CLM425"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield holdouts of 100 %: nobody gets any marketing."""
    flows = [(flow.guardrails, f'"{flow.flow}"') for flow in flows_in_use(playbook)]
    for guardrails, whose in [(playbook.project.guardrails, "the project"), *flows]:
        holdout = guardrails.holdout if guardrails else None
        if holdout is not None and holdout.share >= 1:
            yield Problem(
                holdout.mark,
                CODE,
                f"everybody is in the control group of {whose}: no marketing is sent",
                help="hold out a part, such as 5%; to send nothing, say status: shadow",
                severity="warning",
            )
