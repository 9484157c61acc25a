"""Which events can make a condition hold: what a ``wait_until`` brings back (semantics 44)."""

from __future__ import annotations

from orchestrator.criteria.base import Criterion, Group
from orchestrator.criteria.kinds.did import Did


def ending_events(criterion: Criterion | None) -> tuple[str, ...]:
    """Return the events of the ``did`` heads that can make a condition hold."""
    if isinstance(criterion, Group):
        members = criterion.members if criterion.how != "none" else ()
        found = [event for member in members for event in ending_events(member)]
        return tuple(dict.fromkeys(found))
    if isinstance(criterion, Did) and criterion.head == "did" and criterion.operand:
        return (str(criterion.operand),)
    return ()
