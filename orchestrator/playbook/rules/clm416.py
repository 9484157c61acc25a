"""A segment that nothing asks for."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import asked, asked_by

CODE = "CLM416"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield segments that no flow, stage or other segment names, retired flows included."""
    used = set(_used(playbook))
    for name, segment in playbook.segments.items():
        if name not in used:
            yield Problem(
                segment.name.mark,
                CODE,
                f'nothing uses the segment "{name}"',
                help="ask for it with in_segment, start a flow with enters_segment, or take it "
                "away",
                severity="warning",
            )


def _used(playbook: Playbook) -> Iterator[str]:
    questions = list(asked(playbook))
    for flow in playbook.flows.values():
        questions += asked_by(flow) if flow.status == "retired" else ()
        for start in flow.starts_when:
            if start.head in ("enters_segment", "leaves_segment"):
                yield str(start.operand)
    for question in questions:
        for leaf in question.leaves():
            if leaf.head in ("in_segment", "not_in_segment") and leaf.operand != question.owner:
                yield str(leaf.operand)
