"""``first`` and ``last``: when the first or last such event was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.flips import window_flip
from orchestrator.criteria.modifiers import WHERE, WHERE_DOC, Where, Window
from orchestrator.criteria.nearest import Change, Found
from orchestrator.criteria.phrases import where_phrase, window_phrase
from orchestrator.language.names import Name, Ref
from orchestrator.language.words import Rules, word

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class FirstOrLast(Condition, Window):
    """The first or last of all such events, then a test of its time."""

    heads = ("first", "last")
    operand_shape = Ref("event")
    operand_doc = "The event."
    pattern_heads = {
        "first": "The time of the first such event.",
        "last": "The time of the last such event; who never did it is not in.",
    }
    example = """\
- first: purchase
  older_than: 90 days
- last: purchase
  in_last: 30 days
"""
    rules = Rules(any_of=(("in_last", "older_than", "before", "after"),))

    operand: Name
    where: Where | None = word(WHERE, WHERE_DOC, default=None)

    def predicate(self, scope: Scope) -> Predicate:
        if self._any_will_do():
            return scope.events(self.operand, self, self.where).any()
        events = scope.events(self.operand, None, self.where)
        time = events.time(self.head)
        return events.grouped(scope.all(scope.in_window(time, self)))

    def swept(self, sweep: Sweep) -> None:
        sweep.events(self.operand, self, self.where)

    def _any_will_do(self) -> bool:
        """Return whether any event in the window decides, so that no order is needed.

        The last event is after a bound exactly if some event is, and the first one
        before it exactly if some event is.
        """
        late, early = (self.in_last, self.after), (self.older_than, self.before)
        unused = early if self.head == "last" else late
        return all(bound is None for bound in unused)

    def says(self) -> str:
        return f"{self.head} {self.operand}{where_phrase(self.where)}{window_phrase(self)}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.time_of(self)

    def nearest(self, found: Found) -> Change | None:
        at = window_flip(self, found.value, found)
        may_come = found.value is None if self.head == "first" else self.in_last or self.after
        if at is None and found.wanted and may_come:
            return Change(
                f"needs a new {self.operand}" if found.value else f"needs a {self.operand}"
            )
        return Change(at=at)
