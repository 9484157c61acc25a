"""What ``entry`` is in a flow: the events whose properties it may hold (semantics 31)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.criteria.base import Criterion, leaves
from orchestrator.criteria.kinds.did import Did
from orchestrator.criteria.names import Names
from orchestrator.flow.base import Start
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.told import ToldStart
from orchestrator.flow.starts.transitions import SegmentStart
from orchestrator.flow.told import told_event


def single_did(criterion: Criterion) -> Did | None:
    """Return a segment's single ``did`` head, or None if it has none or several."""
    found = [leaf for leaf in leaves(criterion) if isinstance(leaf, Did) and leaf.head == "did"]
    return found[0] if len(found) == 1 else None


def start_events(
    starts: Sequence[Start], segments: Mapping[str, Criterion], flow: str
) -> list[str] | None:
    """Return the events that may start a flow; None if a segment it names is unknown."""
    events: list[str] = []
    for start in starts:
        if isinstance(start, DidStart):
            events.append(start.operand)
        elif isinstance(start, SegmentStart):
            if start.operand not in segments:
                return None
            did = single_did(segments[start.operand])
            events += [did.operand] if did else []
        elif isinstance(start, ToldStart):
            events.append(told_event(flow))
    return events


def entry_types(
    starts: Sequence[Start], segments: Mapping[str, Criterion], names: Names, *, flow: str
) -> dict[str, str]:
    """Return the type of each property that ``entry`` may have in a flow."""
    found: dict[str, str] = {}
    for event in start_events(starts, segments, flow) or ():
        for prop, type in names.events.get(event, {}).items():
            found.setdefault(str(prop), type)
    return found
