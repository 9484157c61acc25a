"""A flow that waits to be told, and nobody tells it."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.flow.starts.told import ToldStart
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.told import tellings
from orchestrator.playbook.walk import flows_in_use

CODE = "CLM418"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield the flows under ``told_by`` that have no ``start_flow`` for this one."""
    told = {
        (str(flow.flow), str(step.operand))
        for flow in playbook.flows.values()
        for step in tellings(flow)
    }
    for flow in flows_in_use(playbook):
        for start in flow.starts_when:
            for teller in start.operand if isinstance(start, ToldStart) else ():
                if (str(teller), str(flow.flow)) not in told:
                    yield Problem(
                        teller.mark,
                        CODE,
                        f'the flow "{teller}" never starts "{flow.flow}"',
                        help=f"give it a step start_flow: {flow.flow}, or take it away here",
                        severity="warning",
                    )
