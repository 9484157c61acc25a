"""A wait that an event of long ago ends."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.criteria.base import Criterion, Group
from orchestrator.criteria.kinds.did import Did
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import flows_in_use, steps_of

CODE = "CLM420"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield the events that end a wait, an ``until`` or a ``repeat`` whenever they were."""
    for flow in flows_in_use(playbook):
        for step in steps_of(flow):
            for word, criterion in step.asks():
                for did in _at_any_time(criterion) if word in ("wait_until", "until") else ():
                    yield Problem(
                        did.mark,
                        CODE,
                        f'a "{did.operand}" of long ago ends this at once',
                        help="say since: entry, or in_last: a duration, beside it",
                        severity="warning",
                    )


def _at_any_time(criterion: Criterion) -> Iterator[Did]:
    """Yield the ``did`` of which one suffices and that counts since ever."""
    if isinstance(criterion, Group):
        alone = criterion.how == "any" or len(criterion.members) == 1
        for member in criterion.members if alone else ():
            yield from _at_any_time(member)
    elif isinstance(criterion, Did) and criterion.head == "did":
        bounds = (criterion.since, criterion.in_last, criterion.after, criterion.where)
        if not any(bounds) and not (criterion.then or criterion.then_not):
            yield criterion
