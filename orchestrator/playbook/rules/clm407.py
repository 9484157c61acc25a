"""A flow that nobody leaves for a reason."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.flow.steps.exit import Exit
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import flows_in_use, purpose_of, sends_of, steps_of

CODE = "CLM407"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield marketing flows without goal, ``exits_when`` or ``exit``."""
    for flow in flows_in_use(playbook):
        ends = flow.goal or flow.exits_when or any(isinstance(s, Exit) for s in steps_of(flow))
        sends = any(purpose_of(send, playbook) == "marketing" for send in sends_of(flow))
        if sends and not ends:
            yield Problem(
                flow.flow.mark,
                CODE,
                f'"{flow.flow}" has no goal and no exit:'
                " nothing ends it early or tells whether it worked",
                help="say what it is for, such as goal: {did: purchase, within: 14 days}",
                severity="warning",
            )
