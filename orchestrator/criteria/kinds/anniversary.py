"""``anniversary_of``: the same month and day in a later year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.flips import anniversary_flip
from orchestrator.criteria.nearest import Change, Found
from orchestrator.language.durations import DAY_UNITS, Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import Name, Ref
from orchestrator.language.shapes import OneOf
from orchestrator.language.words import Rules, word

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class AnniversaryOf(Condition):
    """Whether the customer's local day is an anniversary; 29 February is 28 in common years."""

    heads = ("anniversary_of",)
    operand_shape = Ref("attribute")
    operand_doc = "A date or datetime attribute."
    example = """\
- anniversary_of: birthday
- anniversary_of: first_order_at
  in_next: 7 days
"""
    rules = Rules(not_together=(("is", "in_next"),))

    operand: Name
    is_: str | None = word(OneOf("today"), "`today`, which is also the default.", default=None)
    in_next: Duration | None = word(
        DurationShape(DAY_UNITS), "Today or in this many days to come.", default=None
    )

    def predicate(self, scope: Scope) -> Predicate:
        return scope.anniversary(self.operand, self.in_next)

    def swept(self, sweep: Sweep) -> None:
        sweep.anniversary(self.operand, self.in_next)

    def says(self) -> str:
        when = f"in the next {self.in_next}" if self.in_next else "today"
        return f"anniversary of {self.operand} {when}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.value_of(self.operand)

    def nearest(self, found: Found) -> Change | None:
        return Change(at=anniversary_flip(found.value, self.in_next, found))
