"""A flow that restarts and adds: every edit adds once more."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.flow.graph import in_document_order
from orchestrator.flow.steps.set import Add, Set
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook

CODE = "CLM441"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield every addition in a flow whose runs begin anew when it is edited."""
    for flow in playbook.flows.values():
        if flow.in_flight != "restart":
            continue
        for step in in_document_order(flow.steps):
            for name, value in step.operand.items() if isinstance(step, Set) else ():
                if isinstance(value, Add):
                    yield Problem(
                        name.mark,
                        CODE,
                        f"{name} is added to again whenever an edit lets this flow begin anew",
                        help='set a value, or say "in_flight: follow"',
                        severity="warning",
                    )
