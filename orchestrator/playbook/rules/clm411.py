"""Two live flows for the same people and the same purpose."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Flow, Playbook

CODE = "CLM411"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield live flows whose audience and goal another live flow has as well."""
    live = [flow for flow in playbook.flows.values() if flow.status == "live"]
    for one, other in combinations(live, 2):
        if _overlap(one, other):
            yield Problem(
                other.flow.mark,
                CODE,
                f'"{other.flow}" asks for the same people and the same goal as "{one.flow}" '
                f"on {one.flow.mark}",
                help="make them one flow, or let one leave out who is meant by the other",
                severity="warning",
            )


def _overlap(one: Flow, other: Flow) -> bool:
    if one.goal is None or one.goal != other.goal or one.audience != other.audience:
        return False
    return one.audience is not None or one.starts_when == other.starts_when
