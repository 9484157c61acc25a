"""What a step and a start are, before any kind of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.language.containers import OneOrMany
from orchestrator.language.durations import Duration
from orchestrator.language.families import Family, Headed
from orchestrator.language.moments import WEEKDAYS, DurationShape
from orchestrator.language.names import Name, NewName
from orchestrator.language.nodes import ListNode, MapNode, Node
from orchestrator.language.reader import Invalid, Reader, part_of, whole
from orchestrator.language.shapes import JsonSchema, OneOf, Shape, Text
from orchestrator.language.words import word

if TYPE_CHECKING:
    from sqlalchemy import Select

    from orchestrator.criteria.sweep import Sweep
    from orchestrator.tick.candidates import Candidates
    from orchestrator.tick.walk import Walk

ON_DAYS = OneOrMany(OneOf(*WEEKDAYS, "weekdays", "weekend"))
ON_DAYS_DOC = "Only on these local weekdays: full names, `weekdays`, `weekend`."


def weekday_numbers(on_days: tuple[str, ...] | None) -> frozenset[int]:
    """Return the weekdays meant, Monday being 0; none said means all seven."""
    if not on_days:
        return frozenset(range(7))
    groups = {"weekdays": range(5), "weekend": range(5, 7)}
    return frozenset(
        number
        for day in on_days
        for number in (groups[day] if day in groups else (WEEKDAYS.index(day),))
    )


@dataclass(frozen=True, kw_only=True)
class Step(Headed):
    """One thing a run does or waits for. Runs stand on steps by ``id``."""

    waits: ClassVar[bool] = False
    """Whether a run that reaches this step may have to stay on it until an instant."""
    polls: ClassVar[bool] = False
    """Whether a run that stays on this step is asked again at every tick."""
    tries_again: ClassVar[bool] = True
    """Whether being asked again is a new try of the step, so that ``only_if`` is asked too."""
    comes_back: ClassVar[bool] = False
    """Whether a run that has done the steps of ``do`` comes back to this step."""

    id: Name | None = word(
        NewName("step"),
        "The step's stable name; people in flight are stored by it.",
        default=None,
    )
    only_if: Criterion | None = word(
        CRITERION, "Asked when the step is reached; false skips the step.", default=None
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)

    @abstractmethod
    def advance(self, walk: Walk) -> None:
        """Move the runs that are about to do this step, as far as it lets them."""

    def standing(self) -> Iterator[Criterion]:
        """Yield the conditions that runs at this step, or inside it, are asked at every tick."""
        asked = [self.stops_when()]
        if self.polls:
            asked += [self.only_if, *(criterion for _, criterion in self.asks())]
        yield from (criterion for criterion in asked if criterion is not None)

    def blocks(self) -> list[tuple[str, tuple[Step, ...]]]:
        """Return the inner lists of steps, each with the label of its way in."""
        return []

    def asks(self) -> list[tuple[str, Criterion]]:
        """Return the step's own conditions, each with the word it stands under."""
        return []

    def stops_when(self) -> Criterion | None:
        """Return what ends the steps of ``do`` early; it is looked at before each of them."""
        return None

    def may_pass(self) -> bool:
        """Return whether a run can get past this step without one of its inner steps."""
        return not self.blocks()

    def brings(self) -> tuple[str, ...] | None:
        """Return the events whose properties are kept under the step's ``id``.

        None is of a step that brings nothing back.
        """
        return None


CATCH_UP = Duration(3, "day")
"""How old an occurrence may be when its flow first sees it, where nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Start(Headed):
    """One way into a flow."""

    id: Name | None = word(
        NewName("start"), "Names this start, seen as `entry.start`.", default=None
    )

    asks_again: ClassVar[bool] = False
    """Whether everybody who has not entered is asked again at every tick."""

    def swept(self, sweep: Sweep) -> None:
        """Say which facts the clock has made occurrences of this start; by default none."""

    @abstractmethod
    def candidates(self, found: Candidates) -> Select[Any] | None:
        """Return the occurrences that no tick has seen; None if there can be none now."""

    def patience(self) -> Duration:
        """Return how old an occurrence may be when the flow first sees it (semantics 34)."""
        return CATCH_UP


@dataclass(frozen=True, kw_only=True)
class Occurring(Start):
    """A start that happens at an instant, which a flow may see too late."""

    catch_up: Duration | None = word(
        DurationShape(),
        "An occurrence older than this when the flow first sees it is stale (default 3 days).",
        default=None,
    )

    def patience(self) -> Duration:
        return self.catch_up or CATCH_UP


STEPS: Family[Step] = Family("step")
STARTS: Family[Start] = Family("start")


@cache
def steps() -> Family[Step]:
    """Return the family with every built-in kind registered."""
    from orchestrator.flow import steps as kinds  # the kinds import this module

    STEPS.discover(kinds)
    return STEPS


@cache
def starts() -> Family[Start]:
    """Return the family with every built-in kind registered."""
    from orchestrator.flow import starts as kinds  # the kinds import this module

    STARTS.discover(kinds)
    return STARTS


class StepsShape(Shape[tuple[Step, ...]]):
    """A list of steps."""

    says = "a list of steps"

    def read_resolved(self, node: Node, reader: Reader) -> tuple[Step, ...] | Invalid:
        if not isinstance(node, ListNode) or not node.items:
            begins = 'begin each step with "- ", also a single one'
            return self.refuse(node, reader, help=begins if isinstance(node, MapNode) else None)
        read = [steps().read(item, reader) for item in node.items]
        return whole(tuple(part_of(step) for step in read), read)

    def schema(self) -> JsonSchema:
        return {"$ref": "#/definitions/steps"}


STEP_LIST = StepsShape()
