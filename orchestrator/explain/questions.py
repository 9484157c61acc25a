"""Conditions as questions about one customer: every leaf a column of one select.

✓ always means that a leaf helps the customer to enter: under ``none:`` and in
``exits_when`` a leaf is told as its opposite, and the joints around it turn with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, literal, select

from orchestrator.criteria.base import Condition, Criterion, Group
from orchestrator.criteria.kinds.membership import InSegment
from orchestrator.criteria.nearest import Change, Found
from orchestrator.criteria.scope import Scope
from orchestrator.criteria.shown import Actual
from orchestrator.explain import said
from orchestrator.explain.said import Speech
from orchestrator.records.explained import ExplainedLeaf
from orchestrator.tick.context import Tick

AT_ONCE = 100
"""Leaves asked in one select: three columns each, and databases limit columns."""


@dataclass(frozen=True, eq=False)
class Question:
    """One leaf asked about the customer."""

    path: str
    leaf: Condition
    wanted: bool
    """The truth, of the leaf as it is written, that helps the customer to enter."""
    scope: Scope
    below: Tree | None = None
    """A segment's own conditions, told where the membership is not as wanted."""


@dataclass(frozen=True, eq=False)
class Joint:
    """Several questions of which all, or any, must be answered well."""

    how: Literal["all", "any"]
    members: tuple[Tree, ...]


Tree = Question | Joint


@dataclass(frozen=True)
class Answer:
    """What the database said of one leaf."""

    holds: bool
    actual: Actual | None
    value: Any
    pivot: datetime | None


@dataclass(frozen=True)
class Verdict:
    """Whether a tree lets the customer in, and when time alone will make it."""

    helps: bool
    at: datetime | None = None


def joined(how: str, members: Sequence[Verdict]) -> Verdict:
    """Return the verdict on all (or any) of some members."""
    failing = [one.at for one in members if not one.helps]
    known = [at for at in failing if at is not None]
    if how == "all":
        return Verdict(not failing, max(known) if known and len(known) == len(failing) else None)
    return Verdict(len(failing) < len(members), min(known, default=None))


@dataclass
class Inquiry:
    """The questions about one customer, and their answers."""

    tick: Tick
    customer: FromClause
    """The one customer, alone in it."""
    rows: FromClause
    """The occurrence that the customer would enter by, as a run."""
    zone: ZoneInfo
    """The customer's."""
    speech: Speech
    personal: Collection[str]
    """Attributes whose values are masked."""
    questions: list[Question] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)

    # --- asking -----------------------------------------------------------------------

    def tree(self, criterion: Criterion, path: str, scope: Scope, *, wanted: bool = True) -> Tree:
        """Turn a criterion into questions, to be asked by ``ask``."""
        if isinstance(criterion, Group):
            how, wanted_inside = turned(criterion.how, wanted=wanted)
            inside = path if criterion.how == "all" else f"{path}.{criterion.how}"
            members = [
                self.tree(member, f"{inside}.{number}", scope, wanted=wanted_inside)
                for number, member in enumerate(criterion.members)
            ]
            return Joint(how, tuple(members))
        below = None
        if isinstance(criterion, InSegment):
            member = wanted is not criterion.head.startswith("not_")
            below = self.segment(criterion.operand, path, wanted=member)
        question = Question(path, criterion, wanted, scope, below)
        self.questions.append(question)
        return question

    def segment(self, name: str, path: str, *, wanted: bool) -> Tree:
        """Turn a segment's own conditions into questions."""
        return self.named(name, self.tick.playbook.segments[name].when, path, wanted=wanted)

    def named(self, name: str, when: Criterion, path: str, *, wanted: bool) -> Tree:
        """Turn the conditions of a segment or stage into questions."""
        scope = self.tick.scope(self.customer, name, each=True)
        return self.tree(when, f"{path}.{name}", scope, wanted=wanted)

    def ask(self) -> None:
        """Ask every question that was not asked yet, many in one select."""
        left = [one for one in self.questions if id(one) not in self.answers]
        for start in range(0, len(left), AT_ONCE):
            self._ask(left[start : start + AT_ONCE])

    def row(self, columns: Sequence[ColumnElement[Any]]) -> Sequence[Any]:
        """Return some expressions about the customer and the occurrence."""
        joined = self.customer.join(self.rows, self.rows.c.customer_id == self.customer.c.id)
        query = select(*(one.label(f"c{at}") for at, one in enumerate(columns)))
        return self.tick.connection.execute(query.select_from(joined)).one()

    def _ask(self, questions: Sequence[Question]) -> None:
        asked = [
            (one, one.leaf.actual(one.scope), one.leaf.pivot(one.scope, wanted=one.wanted))
            for one in questions
        ]
        columns: list[ColumnElement[Any]] = []
        for one, actual, pivot in asked:
            shown = (said.column(each) if each else literal(0) for each in (actual, pivot))
            columns += [one.leaf.predicate(one.scope), *shown]
        row = self.row(columns)
        for at, (one, actual, pivot) in enumerate(asked):
            holds, value, instant = row[3 * at : 3 * at + 3]
            self.answers[id(one)] = Answer(
                bool(holds),
                actual,
                said.found(actual.kind, value) if actual else None,
                said.found("instant", instant) if pivot else None,
            )

    # --- answering --------------------------------------------------------------------

    def verdict(self, tree: Tree) -> Verdict:
        """Return whether a tree lets the customer in."""
        if isinstance(tree, Joint):
            return joined(tree.how, [self.verdict(member) for member in tree.members])
        if self.answers[id(tree)].holds is tree.wanted:
            return Verdict(helps=True)
        if tree.below is not None:
            return Verdict(helps=False, at=self.verdict(tree.below).at)
        change = self._change(tree)
        return Verdict(helps=False, at=change.at if change else None)

    def lines(self, tree: Tree, reason: str | None = None) -> Iterator[ExplainedLeaf]:
        """Yield the leaves of a tree, in written order.

        Args:
            reason: the code for which a tick refuses whom the tree does not let in.
        """
        if isinstance(tree, Joint):
            for member in tree.members:
                yield from self.lines(member, reason)
            return
        verdict = self.verdict(tree)
        yield ExplainedLeaf(
            path=tree.path,
            says=says(tree.leaf, wanted=tree.wanted),
            holds=verdict.helps,
            actual=self._actual(tree),
            nearest=None if verdict.helps else self._nearest(tree, verdict),
            at=str(tree.leaf.mark),
            reason=reason,
        )
        if tree.below is not None and not verdict.helps:
            yield from self.lines(tree.below, reason)

    def _nearest(self, question: Question, verdict: Verdict) -> str | None:
        if question.below is not None:
            return self.speech.nearest(Change(at=verdict.at))
        return self.speech.nearest(self._change(question))

    def _change(self, question: Question) -> Change | None:
        answer = self.answers[id(question)]
        if answer.holds is question.wanted or self._is_hidden(question.leaf):
            return None
        kind = answer.actual.kind if answer.actual else ""
        found = Found(answer.value, kind, answer.pivot, question.wanted, self.tick.now, self.zone)
        change = question.leaf.nearest(found)
        if change is not None and change.at is not None and change.at <= self.tick.now:
            return replace(change, at=None)
        return change

    def _actual(self, question: Question) -> str | None:
        answer = self.answers[id(question)]
        if answer.actual is None:
            return None
        personal = self._is_hidden(question.leaf)
        told = self.speech.actual(answer.actual, answer.value, personal=personal)
        if answer.actual.kind == "address" and answer.value and not answer.holds:
            return f"{told}, suppressed"
        return told

    def _is_hidden(self, leaf: Condition) -> bool:
        names = leaf.operand if isinstance(leaf.operand, str) else ""
        return (
            not self.speech.reveal
            and leaf.head in ("attribute", "anniversary_of")
            and names in self.personal
        )


def turned(
    how: Literal["all", "any", "none"], *, wanted: bool
) -> tuple[Literal["all", "any"], bool]:
    """Return how the members of a group are joined if the group is (un)wanted.

    Returns:
        ``all`` or ``any``, and whether the members themselves are wanted.
    """
    inside = wanted is not (how == "none")
    whole: Literal["all", "any"] = "any" if how != "all" else "all"
    return (whole if inside else OPPOSITE[whole]), inside


OPPOSITE: dict[Literal["all", "any"], Literal["all", "any"]] = {"all": "any", "any": "all"}


def says(leaf: Condition, *, wanted: bool) -> str:
    """Return what is asked of the customer: the leaf, or its opposite."""
    if wanted:
        return leaf.says()
    opposite = opposite_head(leaf)
    return replace(leaf, head=opposite).says() if opposite else f"not: {leaf.says()}"


def opposite_head(leaf: Condition) -> str | None:
    """Return the head of the same kind that means the opposite; None if there is none."""
    head = leaf.head
    pairs = {"did": "did_not", "did_not": "did"}
    plain = head.removeprefix("not_")
    other = pairs.get(head) or (plain if plain != head else f"not_{head}")
    return other if other in leaf.heads else None
