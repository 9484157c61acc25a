"""``total_of``, ``average_of``, ``number_of_different``: a property over events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.modifiers import (
    COUNT_WORDS,
    WHERE,
    WHERE_DOC,
    Counts,
    RunWindow,
    Where,
)
from orchestrator.criteria.nearest import Change, Found, number_change
from orchestrator.criteria.phrases import count_phrase, title, where_phrase, window_phrase
from orchestrator.language.names import Name, Ref
from orchestrator.language.words import Rules, word

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class PropertyTotal(Condition, Counts, RunWindow):
    """Compare a total, an average or a number of different values of a property."""

    heads = ("total_of", "average_of", "number_of_different")
    operand_shape = Ref("property", says="an event and a property such as purchase.amount")
    operand_doc = "The property: `purchase.amount`."
    pattern_heads = {
        "total_of": "The sum; 0 for nobody's.",
        "average_of": "The mean; missing for nobody's.",
        "number_of_different": "How many different values; 0 for nobody's.",
    }
    example = """\
- total_of: purchase.amount
  at_least: 500
  in_last: 1 year
- average_of: purchase.amount
  between: [20, 80]
- number_of_different: purchase.category
  more_than: 2
"""
    rules = Rules(any_of=(COUNT_WORDS,))

    operand: Name
    where: Where | None = word(WHERE, WHERE_DOC, default=None)

    def predicate(self, scope: Scope) -> Predicate:
        return scope.measured(self)

    def swept(self, sweep: Sweep) -> None:
        sweep.property(self.operand, self, self.where)

    def says(self) -> str:
        said = f"{title(self.head)} {self.operand}{where_phrase(self.where)}"
        return f"{said} {count_phrase(self)}{window_phrase(self)}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.measure_of(self)

    def nearest(self, found: Found) -> Change | None:
        return None if self.head == "average_of" else number_change(self, found)
