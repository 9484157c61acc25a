"""Flows that start each other for ever, with no time in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.flow.base import Step
from orchestrator.flow.starts.told import ToldStart
from orchestrator.flow.starts.transitions import FlowStart
from orchestrator.flow.steps.exit import Exit
from orchestrator.flow.steps.start_flow import StartFlow
from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.walk import flows_in_use

CODE = "CLM417"
Circle = Mapping[str, Mapping[str, Mark]]
"""Flow → the flows whose end starts it, and where it says so."""


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield circles of ``leaves_flow`` and ``told_by`` that a customer runs through at once."""
    starts = {
        str(flow.flow): dict(_starts(flow))
        for flow in flows_in_use(playbook)
        if flow.re_entry.how == "always" and any(_at_once(flow.steps))
    }
    for name in sorted(starts):
        circle = _circle(name, starts)
        if circle:
            yield Problem(
                starts[name][circle[-2]],
                CODE,
                f"one run starts the next without end: {' → '.join(circle)}",
                help='put a wait into one of them, or say "re_entry: after" a duration',
                severity="warning",
            )


def _starts(flow: Flow) -> Iterator[tuple[str, Mark]]:
    for start in flow.starts_when:
        if isinstance(start, FlowStart):
            yield str(start.operand), start.operand.mark
        elif isinstance(start, ToldStart):
            for teller in start.operand:
                yield str(teller), teller.mark


def _circle(name: str, starts: Circle) -> list[str] | None:
    """Return the shortest circle that begins and ends at a flow, and has none before it by name."""
    ways, seen = [[name]], {name}
    for way in ways:
        for before in starts[way[0]]:
            if before == name:
                return [name, *way]
            if before in starts and before > name and before not in seen:
                seen.add(before)
                ways.append([before, *way])
    return None


def _at_once(steps: tuple[Step, ...]) -> tuple[bool, bool]:
    """Return whether some run can, without waiting, leave the flow in steps; and pass them.

    To tell another flow counts as leaving: it starts one as well.
    """
    leaves = False
    for step in steps:
        inside = [_at_once(inner) for _, inner in step.blocks()]
        leaves = leaves or isinstance(step, Exit | StartFlow) or any(left for left, _ in inside)
        passes = step.may_pass() and not isinstance(step, Exit)
        passes = passes or any(passed for _, passed in inside)
        if step.only_if is None and (_takes_time(step) or not passes):
            return leaves, False
    return leaves, True


def _takes_time(step: Step) -> bool:
    return step.waits or step.polls or step.comes_back
