"""A flow whose ``exits_when`` holds for everybody whom it lets in."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.criteria.base import Condition, Criterion, Group
from orchestrator.criteria.kinds.did import Did
from orchestrator.criteria.kinds.message_fact import MessageFact
from orchestrator.flow.base import Start
from orchestrator.flow.starts.did import DidStart
from orchestrator.language.marks import Problem
from orchestrator.playbook.contradictions import negated, never_true
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.walk import conjuncts, flows_in_use

CODE = "CLM424"


def check(playbook: Playbook) -> list[Problem]:
    """Return flows that nobody can enter: ``exits_when`` is asked at entry too (semantics 33)."""
    return [
        Problem(
            flow.exits_when.mark,
            CODE,
            f'nobody enters "{flow.flow}": whoever its start and its audience let in is '
            "shut out by exits_when",
            help="if only what happens inside is meant, add since: entry",
            severity="warning",
        )
        for flow in flows_in_use(playbook)
        if flow.exits_when is not None and _shuts_out(flow, flow.exits_when)
    ]


def _shuts_out(flow: Flow, exits: Criterion) -> bool:
    asked = conjuncts(flow.audience) if flow.audience is not None else ()
    if not flow.starts_when or never_true(Group("all", asked, exits.mark)):
        return False  # nobody enters for another reason, which is told elsewhere
    return all(_implies((*asked, *_known_by(start)), exits) for start in flow.starts_when)


def _known_by(start: Start) -> tuple[Criterion, ...]:
    """Return what holds for everybody whom a start takes in."""
    if not isinstance(start, DidStart):
        return ()
    return (Did(head="did", operand=start.operand, where=start.where, mark=start.mark, marks={}),)


def _implies(facts: Sequence[Criterion], criterion: Criterion) -> bool:
    """Return whether a criterion holds wherever all of the facts do, by their words alone."""
    if isinstance(criterion, Group):
        each = [_implies(facts, member) for member in criterion.members]
        return {"any": any(each), "all": all(each), "none": False}[criterion.how]
    if isinstance(criterion, MessageFact):
        return False  # of this run here, of any run in an audience (semantics 20)
    if criterion in facts:
        return True
    opposite = negated(criterion)
    leaves = (fact for fact in facts if isinstance(fact, Condition))
    return opposite is not None and bool(
        never_true(Group("all", (*leaves, opposite), criterion.mark))
    )
