"""``last … older_than`` leaves out who never did it."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.criteria.base import Condition, Criterion, Group
from orchestrator.criteria.kinds.first_last import FirstOrLast
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
            for leaf in _unaware(question.criterion):
                yield Problem(
                    leaf.mark,
                    CODE,
                    f'customers who never did "{leaf.operand}"'
                    f' are not in "{question.owner}" by this',
                    help=f"if that is meant, say so beside it with {{did: {leaf.operand}}}; "
                    f"else write {{did_not: {leaf.operand}, in_last: {leaf.older_than}}}",
                    severity="warning",
                )


def _unaware(criterion: Criterion) -> Iterator[FirstOrLast]:
    parts = conjuncts(criterion)
    for part in parts:
        if isinstance(part, Group):
            for member in part.members:
                yield from _unaware(member)
        elif isinstance(part, FirstOrLast) and part.head == "last" and part.older_than:
            others = (other for other in parts if other is not part)
            yield from () if any(_needs(other, part.operand) for other in others) else (part,)


def _needs(criterion: Criterion, event: str) -> bool:
    """Return whether a condition only holds for customers who did the event at least once."""
    if not isinstance(criterion, Condition):
        return False
    if criterion.head in ("total_of", "average_of", "number_of_different"):
        return str(criterion.operand).startswith(f"{event}.")
    return any(
        claim.event == event and claim.counts.low is not None and claim.counts.low >= 1
        for claim in claims_of(criterion)
    )
