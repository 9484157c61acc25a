"""A flow as a graph: every step has an id and knows what comes next.

Edges lead to steps that stand later in the document, so one pass over the steps in document
order moves a run as far as it can go; but the last step of a ``repeat`` leads back to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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
    around: tuple[str, ...] = ()
    """The steps in whose ``do`` it stands and that stop or repeat it, the outermost first."""

    def way(self, label: str) -> str | None:
        """Return where a way begins; a way that is not written leads to the next step."""
        return self.ways.get(label, self.next)


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
        asked = found.only_if is not None or self.stoppers(step)
        return not isinstance(found, Send) or bool(asked)

    def stoppers(self, step: str) -> list[Node]:
        """Return the steps around one whose condition drops it, the outermost first."""
        around = (self.nodes[name] for name in self.nodes[step].around)
        return [node for node in around if node.step.stops_when() is not None]

    def is_repeated(self, step: str) -> bool:
        """Return whether a run may come to a step in several rounds."""
        return any(self.nodes[name].step.comes_back for name in self.nodes[step].around)

    @cached_property
    def repeats(self) -> tuple[str, ...]:
        """The ids of the steps that runs come back to."""
        return tuple(name for name, node in self.nodes.items() if node.step.comes_back)

    @cached_property
    def polled(self) -> tuple[str, ...]:
        """The ids of the steps at which runs are looked at in every tick, due or not."""
        return tuple(
            name
            for name, node in self.nodes.items()
            if node.step.polls or self.stoppers(name) or self._stops_between(node)
        )

    @staticmethod
    def _stops_between(node: Node) -> bool:
        return node.step.comes_back and node.step.stops_when() is not None

    def inside(self, stopper: Node) -> list[Node]:
        """Return the steps that a stopper's condition drops: its own pauses, and its ``do``."""
        own = [stopper] if stopper.step.comes_back else []
        return own + [node for node in self.nodes.values() if stopper.id in node.around]

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
            named.append((step, step.own_id))
            place = f"before_{step.own_id}"
        else:
            named.append((step, str(step.id or f"{step.head}_{place}")))
    return named[::-1]


def graph(steps: Sequence[Step]) -> Graph:
    """Return the graph of a flow whose step ids are unique."""
    ids = {id(step): name for step, name in step_ids(steps)}
    nodes: dict[str, Node] = {}
    _lay(steps, _Place(None), ids, nodes)
    return Graph(nodes)


@dataclass(frozen=True)
class _Place:
    """Where a list of steps stands."""

    after: str | None
    """What follows the list."""
    variant: str | None = None
    around: tuple[str, ...] = ()


def _lay(
    steps: Sequence[Step], place: _Place, ids: Mapping[int, str], nodes: dict[str, Node]
) -> str | None:
    """Add a list of steps; returns where the list begins."""
    if not steps:
        return place.after
    follows = [*(ids[id(step)] for step in steps[1:]), place.after]
    for step, following in zip(steps, follows, strict=True):
        name = ids[id(step)]
        ways: dict[str, str | None] = {}
        nodes[name] = Node(name, step, following, ways, place.variant, place.around)
        for label, inner in step.blocks():
            below = _below(step, label, name, replace(place, after=following))
            ways[label] = _lay(inner, below, ids, nodes)
    return ids[id(steps[0])]


def _below(step: Step, label: str, name: str, place: _Place) -> _Place:
    """Return the place of an inner list of a step."""
    if isinstance(step, Split):
        return replace(place, variant=f"{name}/{label}")
    if label != "do" or not (step.comes_back or step.stops_when()):
        return place
    after = name if step.comes_back else place.after
    return replace(place, after=after, around=(*place.around, name))
