"""What conditions contradict each other, told from their words alone.

Only contradictions that hold for every customer and every clock are reported: a window
with a calendar bound is taken as wide as it may be, values known only per customer are
left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations
from typing import Any

from orchestrator.criteria.base import Condition, Criterion, Group
from orchestrator.criteria.kinds.attribute import AttributeIs
from orchestrator.criteria.kinds.did import Did
from orchestrator.criteria.kinds.first_last import FirstOrLast
from orchestrator.criteria.kinds.membership import InStage
from orchestrator.criteria.kinds.message_fact import KINDS
from orchestrator.criteria.kinds.property_of import PropertyTotal
from orchestrator.criteria.kinds.sample import Sample
from orchestrator.criteria.modifiers import Counts, InLast, Where
from orchestrator.language.marks import Mark
from orchestrator.playbook.ranges import (
    Range,
    least_days,
    most_days,
    range_of_counts,
    value_conflict,
)
from orchestrator.playbook.walk import conjuncts


@dataclass(frozen=True)
class Never:
    """Something that cannot hold: where, and why."""

    mark: Mark
    why: str


@dataclass(frozen=True)
class Claim:
    """How many events of one name are in a window, as a condition says it."""

    condition: Condition
    event: str
    where: Where | None
    window: Range
    """How many days ago the events are, 0 being now."""
    counts: Range
    exact: bool
    """Whether the window is all there is to the claim, so that a maximum can be trusted."""


def never_true(criterion: Criterion) -> Never | None:
    """Return why a criterion can never hold, or None if it may."""
    if isinstance(criterion, Group) and criterion.how == "any":
        reasons = [never_true(member) for member in criterion.members]
        return reasons[0] if all(reasons) else None
    if isinstance(criterion, Group) and criterion.how == "none":
        sure = next((member for member in criterion.members if always_true(member)), None)
        return Never(sure.mark, "this always holds, so nobody has none of these") if sure else None
    if isinstance(criterion, Condition):
        return _impossible(criterion)
    parts = conjuncts(criterion)
    alone = next(filter(None, map(never_true, parts)), None)
    return alone or _contradiction([part for part in parts if isinstance(part, Condition)])


def always_true(criterion: Criterion) -> bool:
    """Return whether a criterion holds for everybody at any time, by its words alone."""
    if isinstance(criterion, Group):
        if criterion.how == "none":
            return all(never_true(member) for member in criterion.members)
        test = any if criterion.how == "any" else all
        if criterion.how == "any" and any(
            opposite(a, b) for a, b in combinations(criterion.members, 2)
        ):
            return True
        return test(always_true(member) for member in criterion.members)
    if isinstance(criterion, Sample):
        return criterion.operand == 1
    if isinstance(criterion, Did) and not (criterion.then or criterion.then_not):
        possible = range_of_counts(criterion, whole=True)
        everything = Range(Decimal(0), None)
        return possible.contains(everything) if criterion.head == "did" else possible.empty
    return False


_OPPOSITES = {
    "did": "did_not",
    "in_segment": "not_in_segment",
    "in_stage": "not_in_stage",
    "subscribed_to": "not_subscribed_to",
    "in_flow": "not_in_flow",
    **{kind: f"not_{kind}" for kind in KINDS},
}


def negated(condition: Condition) -> Condition | None:
    """Return the condition that holds exactly where another does not; None if there is no word."""
    heads = {**_OPPOSITES, **{negation: head for head, negation in _OPPOSITES.items()}}
    head = heads.get(condition.head)
    return replace(condition, head=head) if head else None


def opposite(one: Criterion, other: Criterion) -> bool:
    """Return whether exactly one of two conditions holds for every customer."""
    if not isinstance(one, Condition) or type(one) is not type(other):
        return False
    assert isinstance(other, Condition)
    heads = {one.head, other.head}
    if not any(heads == {head, negation} for head, negation in _OPPOSITES.items()):
        return False
    return _words(one) == _words(other)


def _words(condition: Condition) -> dict[str, Any]:
    return {k: v for k, v in vars(condition).items() if k not in ("head", "mark", "marks")}


# --- one condition --------------------------------------------------------------------


def _impossible(condition: Condition) -> Never | None:
    if isinstance(condition, Sample):
        return (
            Never(condition.mark, "a sample of 0% has nobody in it")
            if not condition.operand
            else None
        )
    if isinstance(condition, AttributeIs):
        why = value_conflict([condition])
        return Never(condition.mark, why) if why else None
    if isinstance(condition, Did) and condition.head == "did_not":
        sure = not (condition.then or condition.then_not) and range_of_counts(
            condition, whole=True
        ).contains(Range(Decimal(0), None))
        return Never(condition.mark, "0 or more always happened") if sure else None
    return (
        _impossible_window(condition)
        or _impossible_count(condition)
        or _impossible_where(condition)
    )


def _impossible_window(condition: Condition) -> Never | None:
    if not isinstance(condition, InLast) or not window_of(condition).empty:
        return None
    if isinstance(condition, Counts) and _least(condition) <= 0:
        return None
    why = f"nothing is in the last {condition.in_last} and older than {condition.older_than}"
    return Never(condition.mark_at("older_than"), why)


def _impossible_count(condition: Condition) -> Never | None:
    if not isinstance(condition, Counts):
        return None
    whole = isinstance(condition, Did) or condition.head == "number_of_different"
    possible = range_of_counts(condition, whole=whole)
    if whole:
        possible = possible.meet(Range(Decimal(0), None))
    return Never(condition.mark, "no number passes all of these tests") if possible.empty else None


def _impossible_where(condition: Condition) -> Never | None:
    if not isinstance(condition, Did | PropertyTotal | FirstOrLast) or not condition.where:
        return None
    if isinstance(condition, Counts) and _least(condition) <= 0:
        return None
    for name, tests in condition.where.items():
        why = value_conflict([tests])
        if why:
            return Never(tests.mark, f"{name}: {why}")
    return None


def _least(counts: Counts) -> Decimal:
    least = range_of_counts(counts, whole=False).low
    return Decimal(-1) if least is None else least


# --- several conditions that must all hold --------------------------------------------


def _contradiction(members: list[Condition]) -> Never | None:
    found = (
        *_claims_apart(members),
        *_opposites(members),
        *_stages_apart(members),
        *_values_apart(members),
    )
    return next(iter(found), None)


def _claims_apart(members: list[Condition]) -> Iterator[Never]:
    claims = [claim for member in members for claim in claims_of(member)]
    for some in claims:
        for few in claims:
            if some.condition is not few.condition and _excludes(few, some):
                both = f'"{few.condition.head}: {few.event}" on line {few.condition.mark.line}'
                yield Never(some.condition.mark, f"{both} says the opposite")


def _excludes(few: Claim, some: Claim) -> bool:
    """Return whether the events one claim needs are more than the other allows."""
    if few.event != some.event or not few.exact:
        return False
    if few.where not in (None, some.where) or not few.window.contains(some.window):
        return False
    needed, allowed = some.counts.low, few.counts.high
    return needed is not None and allowed is not None and needed > allowed


def claims_of(condition: Condition) -> Iterator[Claim]:
    """Yield what a condition says about the number of events in windows."""
    if isinstance(condition, Did):
        exact = not (condition.then or condition.then_not) and not _calendar_bound(condition)
        counts = range_of_counts(condition, whole=True)
        if condition.then or condition.then_not:
            counts = Range(Decimal(1), None)
        if condition.head == "did_not":
            counts = _negated(counts) if exact else Range(None, None)
        yield Claim(
            condition, condition.operand, condition.where, window_of(condition), counts, exact
        )
    elif isinstance(condition, FirstOrLast):
        yield from _claims_of_time(condition)


def _negated(counts: Range) -> Range:
    """Return the whole numbers outside a range that is open above; else all of them."""
    if counts.low is None or counts.high is not None:
        return Range(None, None)
    return Range(None, counts.low - 1)


def _claims_of_time(condition: FirstOrLast) -> Iterator[Claim]:
    def claim(window: Range, counts: Range) -> Claim:
        return Claim(condition, condition.operand, condition.where, window, counts, exact=True)

    yield claim(window_of(condition), Range(Decimal(1), None))
    nobody = Range(None, Decimal(0))
    if condition.head == "last" and condition.older_than:
        yield claim(Range(Decimal(0), least_days(condition.older_than), open_high=True), nobody)
    if condition.head == "first" and condition.in_last:
        yield claim(Range(most_days(condition.in_last), None), nobody)


def window_of(condition: InLast) -> Range:
    """Return how many days ago events of the window are; calendar bounds are left out."""
    newest = least_days(condition.older_than) if condition.older_than else Decimal(0)
    oldest = most_days(condition.in_last) if condition.in_last else None
    return Range(newest, oldest, open_high=oldest is not None)


def _calendar_bound(condition: Did) -> bool:
    return bool(condition.before or condition.after or condition.since)


def _opposites(members: Iterable[Condition]) -> Iterator[Never]:
    for one, other in combinations(members, 2):
        if opposite(one, other):
            yield Never(other.mark, f'"{one.head}" on line {one.mark.line} says the opposite')


def _stages_apart(members: Iterable[Condition]) -> Iterator[Never]:
    stages = [m for m in members if isinstance(m, InStage) and m.head == "in_stage"]
    for one, other in combinations(stages, 2):
        if one.operand != other.operand:
            yield Never(other.mark, f'nobody is in "{other.operand}" and "{one.operand}" at once')


def _values_apart(members: Iterable[Condition]) -> Iterator[Never]:
    tests: dict[str, list[AttributeIs]] = {}
    for member in members:
        if isinstance(member, AttributeIs):
            tests.setdefault(member.operand, []).append(member)
    for name, several in tests.items():
        why = value_conflict(several) if len(several) > 1 else None
        if why:
            yield Never(several[-1].mark, f"{name}: {why}")
