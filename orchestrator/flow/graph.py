"""A flow as a graph: every step has an id and knows what comes next.

Edges only lead to steps that stand later in the document, so one pass over the steps in
document order moves a run as far as it can go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.flow.base import Step
from orchestrator.flow.steps.send import Send
from orchestrator.flow.steps.split import Split


@dataclass(frozen=True)
class Node:
    """One step in its place."""

    id: str
    step: Step
    next: str | None
    """Where a run goes when the step is done; None ends the run."""
    ways: Mapping[str, str | None]
    """Label of an inner list of steps → its first step, or ``next`` if it is empty."""
    variant: str | None
    """``<split id>/<share>`` of the innermost split share around the step."""


@dataclass(frozen=True)
class Graph:
    """All steps of a flow, in document order."""

    nodes: Mapping[str, Node]

    @property
    def first(self) -> str:
        """The id of the step that a new run begins with."""
        return next(iter(self.nodes))

    def is_walked(self, step: str) -> bool:
        """Return whether a run that reaches a step has more to do there than stand at a send."""
        found = self.nodes[step].step
        return not isinstance(found, Send) or found.only_if is not None

    def sends(self) -> Iterator[tuple[Node, Send]]:
        """Yield the send steps, in document order."""
        for node in self.nodes.values():
            if isinstance(node.step, Send):
                yield node, node.step


def in_document_order(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield steps and the steps inside them, as they are written."""
    for step in steps:
        yield step
        for _, inner in step.blocks():
            yield from in_document_order(inner)


def step_ids(steps: Sequence[Step]) -> list[tuple[Step, str]]:
    """Return every step with its id, in document order (semantics 41).

    The id is the step's own, else the message of a ``send``, else ``<kind>_before_<id of
    the next send>`` or ``<kind>_at_end``. Equal ids are possible; ``check`` refuses them.
    """
    ordered = list(in_document_order(steps))
    named: list[tuple[Step, str]] = []
    place = "at_end"
    for step in reversed(ordered):
        if isinstance(step, Send):
            own = str(step.id or step.operand)
            named.append((step, own))
            place = f"before_{own}"
        else:
            named.append((step, str(step.id or f"{step.head}_{place}")))
    return named[::-1]


def graph(steps: Sequence[Step]) -> Graph:
    """Return the graph of a flow whose step ids are unique."""
    ids = {id(step): name for step, name in step_ids(steps)}
    nodes: dict[str, Node] = {}
    _lay(steps, None, None, ids, nodes)
    return Graph(nodes)


def _lay(
    steps: Sequence[Step],
    after: str | None,
    variant: str | None,
    ids: Mapping[int, str],
    nodes: dict[str, Node],
) -> str | None:
    """Add a list of steps that ``after`` follows; returns where the list begins."""
    follows: list[str | None] = [*(ids[id(step)] for step in steps[1:]), after] if steps else []
    for step, following in zip(steps, follows, strict=True):
        name = ids[id(step)]
        ways: dict[str, str | None] = {}
        nodes[name] = Node(name, step, following, ways, variant)
        for label, inner in step.blocks():
            inside = f"{name}/{label}" if isinstance(step, Split) else variant
            ways[label] = _lay(inner, following, inside, ids, nodes)
    return ids[id(steps[0])] if steps else after
