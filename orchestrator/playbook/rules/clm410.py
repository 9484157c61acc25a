"""A live flow that nobody answers for."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook

CODE = "CLM410"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield live flows without ``owner``."""
    for flow in playbook.flows.values():
        if flow.status == "live" and not flow.owner:
            yield Problem(
                flow.flow.mark,
                CODE,
                f'"{flow.flow}" is live and has no owner',
                help="say who answers for it: owner: retention",
                severity="warning",
            )
