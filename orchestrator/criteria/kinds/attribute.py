"""``attribute``: a test of one value of the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.flips import value_flip
from orchestrator.criteria.modifiers import TEST_WORDS, ValueTests
from orchestrator.criteria.nearest import Change, Found, number_change
from orchestrator.criteria.phrases import tests_phrase
from orchestrator.language.names import Name, Ref
from orchestrator.language.words import Rules

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class AttributeIs(Condition, ValueTests):
    """Test an attribute, a computed attribute, or `entry.x` of the run."""

    heads = ("attribute",)
    operand_shape = Ref("attribute")
    operand_doc = "The attribute; `entry.x` is a property of what started the run."
    example = """\
- attribute: country
  is_one_of: [DE, AT, CH]
- attribute: trial_ends_at
  in_next: 3 days
- attribute: entry.cart_value
  at_least: 50
"""
    rules = Rules(any_of=(TEST_WORDS,))

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        return scope.attribute(self.operand).passes(self)

    def swept(self, sweep: Sweep) -> None:
        sweep.value(self.operand, self)

    def says(self) -> str:
        return f"{self.operand} {tests_phrase(self)}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.value_of(self.operand)

    def nearest(self, found: Found) -> Change | None:
        if isinstance(found.value, date):
            return Change(at=value_flip(self, found))
        return number_change(self, found)
