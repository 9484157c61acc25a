"""What the steps of a flow bring back under their ``id`` (semantics 44, 49, 50)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.criteria.names import RESULT_FACTS, Names
from orchestrator.flow.base import Step
from orchestrator.flow.graph import in_document_order


def steps_that_bring(steps: Sequence[Step]) -> dict[str, Step]:
    """Return the steps whose result can be named, by ``id``; document order."""
    return {
        str(step.id): step
        for step in in_document_order(steps)
        if isinstance(step, Step) and step.id is not None and step.brings() is not None
    }


def types_of_result(step: Step, names: Names) -> dict[str, str]:
    """Return the type of each property that a step's result may have."""
    found = dict(RESULT_FACTS)
    for event in step.brings() or ():
        for prop, type in names.events.get(event, {}).items():
            found.setdefault(str(prop), type)
    return found


def result_types(steps: Sequence[Step], names: Names) -> Mapping[str, Mapping[str, str]]:
    """Return step id → property → type, of every result in a flow."""
    return {name: types_of_result(step, names) for name, step in steps_that_bring(steps).items()}
