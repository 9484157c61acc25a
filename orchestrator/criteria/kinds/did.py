"""``did`` and ``did_not``: how often an event happened, and what followed it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator import timing
from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.flips import left_behind
from orchestrator.criteria.modifiers import (
    COUNT_WORDS,
    WHERE,
    WHERE_DOC,
    Counts,
    RunWindow,
    Where,
)
from orchestrator.criteria.nearest import Change, Found, counts_needed, more
from orchestrator.criteria.phrases import count_phrase, title, where_phrase, window_phrase
from orchestrator.language.durations import FIXED_UNITS, Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.nodes import MapNode, Node
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import JsonSchema, Shape
from orchestrator.language.words import Rules, Sentence, any_required, word

if TYPE_CHECKING:
    from orchestrator.criteria.events import Events
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@dataclass(frozen=True, kw_only=True)
class Following(Sentence):
    """The event that follows: its name, and tests of its properties."""

    did: Name = word(Ref("event"), "The event.")
    where: Where | None = word(WHERE, WHERE_DOC, default=None)


class FollowingShape(Shape[Following]):
    """An event's name, or ``{did: B, where: {…}}``."""

    says = "an event, or {did: …, where: {…}}"
    _name: Shape[Any] = Ref("event")
    _full = SentenceOf(Following, "a following event")

    def read_resolved(self, node: Node, reader: Reader) -> Following | Invalid:
        if isinstance(node, MapNode):
            return self._full.read_resolved(node, reader)
        name = self._name.read(node, reader)
        if isinstance(name, Invalid):
            return name
        return Following(mark=node.mark, marks={"did": node.mark}, did=name)

    def schema(self) -> JsonSchema:
        return {
            "if": {"type": "object"},
            "then": self._full.schema(),
            "else": self._name.schema(),
        }


WITHIN = DurationShape(FIXED_UNITS)


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class Did(Condition, Counts, RunWindow):
    """Whether, or how often, an event happened; or what came (or did not come) after it."""

    heads = ("did", "did_not")
    operand_shape = Ref("event")
    operand_doc = "The event."
    pattern_heads = {
        "did": "The event happened, so often, in this window.",
        "did_not": "Exactly when `did` with the same words does not hold.",
    }
    example = """\
- did: purchase
  at_least: 2
  in_last: 30 days
  where: {status: paid, amount: {at_least: 50}}
- did_not: purchase
  since: entry
- did: cart_updated
  in_last: 7 days
  then_not: purchase
  within: 4 hours
  same: cart_id
"""
    rules = Rules(
        needs={"then": ("within",), "then_not": ("within",)},
        not_together=(
            ("then", "then_not"),
            *(("then", count) for count in COUNT_WORDS),
            *(("then_not", count) for count in COUNT_WORDS),
        ),
    )
    check_schema = {
        "dependencies": {
            key: any_required(("then", "then_not"), f'"{key}" needs one of these beside it')
            for key in ("within", "same")
        }
    }

    operand: Name
    where: Where | None = word(WHERE, WHERE_DOC, default=None)
    then: Following | None = word(
        FollowingShape(), "Some such event was followed by this one.", default=None
    )
    then_not: Following | None = word(
        FollowingShape(),
        "Some such event was not followed by this one in time.",
        default=None,
    )
    within: Duration | None = word(WITHIN, "How soon the following event counts.", default=None)
    same: Name | None = word(
        DataName("property"), "Both events have this property, and equal.", default=None
    )

    def check(self, reader: Reader) -> None:
        for key in ("within", "same"):
            if key in self.marks and not (self.then or self.then_not):
                reader.report(
                    self.mark_at(key),
                    "CLM108",
                    f'"{key}" needs "then" or "then_not" beside it',
                )

    def predicate(self, scope: Scope) -> Predicate:
        follows = self.then or self.then_not
        held = self.matching(scope).any() if follows else scope.count(self)
        return ~held if self.head == "did_not" else held

    def swept(self, sweep: Sweep) -> None:
        sweep.events(self.operand, self, self.where)
        follow_up = self.then or self.then_not
        if follow_up:
            sweep.events(follow_up.did, None, follow_up.where)
        if self.then_not and self.within:
            sweep.events_waited_for(self.operand, self.within)

    def matching(self, scope: Scope) -> Events:
        """Return the events of the head that the condition is about, followed as it says."""
        first = scope.events(self.operand, self, self.where)
        follow_up, within = self.then or self.then_not, self.within
        if follow_up is None or within is None:
            return first
        later = self._later(first, follow_up)
        followed = first.followed(later, within, self.same)
        first.tests += [followed] if self.then else [~followed, first.over_by_now(within)]
        return first

    def _later(self, first: Events, follow_up: Following) -> Events:
        """Return the events that may follow: the rows of the shared property, if there is one."""
        scope, where = first.scope, follow_up.where
        if self.same is None:
            return scope.events(follow_up.did, None, where)
        return scope.properties(f"{follow_up.did}.{self.same}", None, where)

    def says(self) -> str:
        said = f"{title(self.head)} {self.operand}{where_phrase(self.where)}"
        if counts := count_phrase(self):
            said += f" {counts} times"
        said += window_phrase(self)
        follow_up = self.then or self.then_not
        if follow_up:
            word = "then" if self.then else "then not"
            said += f", {word} {follow_up.did}{where_phrase(follow_up.where)} within {self.within}"
        return said + (f" of the same {self.same}" if self.same else "")

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.count_of(self)

    def pivot(self, scope: Scope, *, wanted: bool) -> Actual | None:
        positive = wanted is (self.head == "did")
        if self.then or self.then_not:
            return self._following_pivot(scope, positive=positive)
        least, most = counts_needed(self, wanted=positive)
        if self.in_last and not self.older_than and most is not None and most >= 0:
            return scope.shown.nth_time(
                scope.events(self.operand, self, self.where), most, late=True
            )
        if self.older_than and not self.in_last and least:
            older = replace(self, older_than=None)
            events = scope.events(self.operand, older, self.where)
            return scope.shown.nth_time(events, least - 1, late=False)
        return None

    def _following_pivot(self, scope: Scope, *, positive: bool) -> Actual | None:
        if self.then_not and positive and self.within:
            return scope.shown.nth_time(self._open(scope), 0, late=False)
        if not positive and self.in_last and not self.older_than:
            return scope.shown.nth_time(self.matching(scope), 0, late=True)
        return None

    def _open(self, scope: Scope) -> Events:
        """Return the events that wait for what must not follow."""
        first = scope.events(self.operand, self, self.where)
        assert self.then_not is not None
        assert self.within is not None
        later = self._later(first, self.then_not)
        first.tests.append(~first.followed(later, self.within, self.same))
        return first

    def nearest(self, found: Found) -> Change | None:
        positive = found.wanted is (self.head == "did")
        if self.then_not and positive:
            return self._over(found.pivot) if found.pivot and self.within else None
        window = self.in_last or self.older_than
        at = left_behind(found.pivot, window) if found.pivot and window else None
        least = None if self.then else counts_needed(self, wanted=positive)[0]
        needed = more(least - found.value) if least is not None else None
        return replace(needed, at=at) if needed else Change(at=at)

    def _over(self, began: datetime) -> Change | None:
        """Return when too late to follow is what follows an event, if that still counts then."""
        assert self.within is not None
        at = began + timedelta(microseconds=self.within.micros)
        counts = self.in_last is None or began > timing.minus(at, self.in_last)
        return Change(at=at) if counts else None
