"""What a condition is: one head with modifiers, or a group of conditions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.language.families import Family, Headed
from orchestrator.language.marks import Mark
from orchestrator.language.nodes import ListNode, MapNode, Node
from orchestrator.language.reader import INVALID, Invalid, Pieces, Reader, part_of, whole
from orchestrator.language.shapes import JsonSchema, Shape

if TYPE_CHECKING:
    from orchestrator.criteria.nearest import Change, Found
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@dataclass(frozen=True, kw_only=True)
class Condition(Headed):
    """One question about a customer. Every condition is true or false, never unknown."""

    @abstractmethod
    def predicate(self, scope: Scope) -> Predicate:
        """Return the condition as a boolean over the customers of ``scope``."""

    @abstractmethod
    def says(self) -> str:
        """Return the condition as an English phrase: "did purchase in the last 30 days"."""

    def actual(self, scope: Scope) -> Actual | None:
        """Return what ``explain`` shows of one customer, or None if there is no value."""
        return None

    def pivot(self, scope: Scope, *, wanted: bool) -> Actual | None:
        """Return the instant whose age decides when the clock makes the answer ``wanted``.

        It is asked beside ``predicate`` and ``actual`` and handed to ``nearest``. None
        stands for a kind, or a sentence, that the clock alone does not flip, or whose
        ``actual`` is that instant already.
        """
        return None

    def swept(self, sweep: Sweep) -> None:
        """Say which facts the clock has moved past a boundary of this condition.

        A kind that does not say so is evaluated for everybody at every tick.
        """
        sweep.cannot_say(self.head)

    def nearest(self, found: Found) -> Change | None:
        """Return the smallest change that would flip the answer, None if there is no telling.

        Asked only where the answer is not the wanted one; plain Python, no SQL.
        """
        return None


CONDITIONS: Family[Condition] = Family("condition")


@dataclass(frozen=True)
class Group:
    """``all``, ``any`` or ``none`` of some conditions."""

    how: Literal["all", "any", "none"]
    members: tuple[Criterion, ...]
    mark: Mark = field(compare=False, repr=False)


Criterion = Condition | Group
"""A tree of conditions."""


@cache
def conditions() -> Family[Condition]:
    """Return the family with every built-in kind registered."""
    from orchestrator.criteria import kinds  # the kinds import this module

    CONDITIONS.discover(kinds)
    return CONDITIONS


class CriterionShape(Shape[Criterion]):
    """A condition, a group of them, or a list, which means all of its items."""

    says = "a condition, or a list of conditions that must all hold"

    def read_resolved(self, node: Node, reader: Reader) -> Criterion | Invalid:
        if isinstance(node, ListNode):
            return self._group("all", node, node.mark, reader)
        if isinstance(node, MapNode):
            for key, value in node.items:
                if key.text in ("all", "any", "none"):
                    return self._named_group(node, key.text, value, key.mark, reader)
        return conditions().read(node, reader)

    def _named_group(
        self, node: MapNode, how: str, value: Node, mark: Mark, reader: Reader
    ) -> Criterion | Invalid:
        group = self._group(how, value, mark, reader)
        others = tuple(item for item in node.items if item[0].text != how)
        if not others:
            return group
        other = others[0][0]
        reader.report(
            other.mark,
            "CLM109",
            f'"{other.text}" cannot stand beside "{how}"',
            help=f'make it one more item of the list under "{how}"',
        )
        beside = self._beside(MapNode(node.mark, others), reader)
        return Invalid(Pieces((part_of(group), part_of(beside))))

    def _beside(self, node: MapNode, reader: Reader) -> Criterion | Invalid:
        """Read what stands beside a group, if it is a condition or a group of its own."""
        known = (*conditions().kinds, "all", "any", "none")
        if any(key.text in known for key, _ in node.items):
            return self.read_resolved(node, reader)
        return INVALID

    def _group(self, how: str, node: Node, mark: Mark, reader: Reader) -> Criterion | Invalid:
        resolved = reader.resolve(node)
        if isinstance(resolved, Invalid):
            return INVALID
        if not isinstance(resolved, ListNode) or not resolved.items:
            return reader.report(mark, "CLM106", f'"{how}" takes a list of conditions')
        members = [self.read(item, reader) for item in resolved.items]
        parts = tuple(part_of(member) for member in members)
        if how == "all" and len(parts) == 1:
            return whole(parts[0], members)
        return whole(Group(how, parts, mark), members)  # type: ignore[arg-type]  # one of the three

    def schema(self) -> JsonSchema:
        return {"$ref": "#/definitions/criterion"}


CRITERION = CriterionShape()


def leaves(criterion: Criterion | None) -> Iterator[Condition]:
    """Yield every condition of a tree, in written order."""
    if isinstance(criterion, Group):
        for member in criterion.members:
            yield from leaves(member)
    elif criterion is not None:
        yield criterion


def fold(criterion: Criterion, leaf: Callable[[Condition], Any], join: Callable[..., Any]) -> Any:
    """Rebuild a tree from the bottom: ``leaf(condition)`` and ``join(how, members)``."""
    if isinstance(criterion, Group):
        return join(criterion.how, [fold(member, leaf, join) for member in criterion.members])
    return leaf(criterion)
