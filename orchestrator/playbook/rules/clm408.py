"""``last … older_than`` leaves out who never did it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from orchestrator.criteria.base import Criterion, Group
from orchestrator.criteria.kinds.attribute import AttributeIs
from orchestrator.criteria.kinds.first_last import FirstOrLast
from orchestrator.criteria.kinds.membership import InSegment, InStage
from orchestrator.criteria.measures import Measure
from orchestrator.language.literals import Literal
from orchestrator.language.marks import Problem
from orchestrator.playbook.contradictions import claims_of
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import asked, conjuncts

CODE = "CLM408"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield segments and audiences where nothing else says that the customer ever did it.

    Stages are left alone: who never did it is in a stage below.
    """
    for question in asked(playbook):
        if question.role != "stage":
            for leaf in _unaware(playbook, question.criterion):
                yield Problem(
                    leaf.mark,
                    CODE,
                    f'customers who never did "{leaf.operand}"'
                    f' are not in "{question.owner}" by this',
                    help=f"if that is meant, say so beside it with {{did: {leaf.operand}}}; "
                    f"else write {{did_not: {leaf.operand}, in_last: {leaf.older_than}}}",
                    severity="warning",
                )


def _unaware(playbook: Playbook, criterion: Criterion) -> Iterator[FirstOrLast]:
    parts = conjuncts(criterion)
    for part in parts:
        if isinstance(part, Group):
            for member in part.members:
                yield from _unaware(playbook, member)
        elif isinstance(part, FirstOrLast) and part.head == "last" and part.older_than:
            others = (other for other in parts if other is not part)
            aware = any(_needs(playbook, other, part.operand) for other in others)
            yield from () if aware else (part,)


def _needs(playbook: Playbook, criterion: Criterion, event: str) -> bool:
    """Return whether a criterion only holds for customers who did the event at least once."""
    if isinstance(criterion, Group):
        each = [_needs(playbook, member, event) for member in criterion.members]
        return {"any": all(each), "all": any(each), "none": False}[criterion.how]
    if isinstance(criterion, InSegment | InStage):
        named = _named(playbook, criterion)
        return named is not None and _needs(playbook, named, event)
    if isinstance(criterion, AttributeIs):
        return _is_of(playbook, criterion, event)
    if criterion.head in ("total_of", "average_of", "number_of_different"):
        return str(criterion.operand).startswith(f"{event}.")
    return any(
        claim.event == event and claim.counts.low is not None and claim.counts.low >= 1
        for claim in claims_of(criterion)
    )


def _named(playbook: Playbook, condition: InSegment | InStage) -> Criterion | None:
    """Return what a segment or stage asks of those whom the condition wants in it."""
    if condition.head == "in_segment":
        segment = playbook.segments.get(condition.operand)
        return segment.when if segment else None
    stages = {stage.stage: stage.when for stage in playbook.stages}
    return stages.get(condition.operand) if condition.head == "in_stage" else None


def _is_of(playbook: Playbook, condition: AttributeIs, event: str) -> bool:
    """Return whether a test asks more of a computed attribute than nobody's value passes."""
    measure = (playbook.catalog.attributes or {}).get(condition.operand)
    if not isinstance(measure, Measure) or str(measure.operand).partition(".")[0] != event:
        return False
    if measure.head in ("count_of", "total_of", "number_of_different"):
        least, more = _plain(condition.at_least), _plain(condition.more_than)
        return (least is not None and least > 0) or (more is not None and more >= 0)
    return (
        condition.is_not is None and condition.is_none_of is None and condition.is_set is not False
    )


def _plain(bound: Literal | None) -> Decimal | None:
    """Return a bound that is written as a number."""
    value = bound.value if bound is not None else None
    return Decimal(value) if isinstance(value, int | Decimal) else None
