"""``attribute``: a test of one value of the customer."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.modifiers import TEST_WORDS, ValueTests
from orchestrator.language.shapes import Name, Ref
from orchestrator.language.words import Rules


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class AttributeIs(Condition, ValueTests):
    """Test an attribute, a computed attribute, or `entry.x` of the run."""

    heads = ("attribute",)
    operand_shape = Ref("attribute")
    operand_doc = "The attribute; `entry.x` is a property of what started the run."
    rules = Rules(any_of=(TEST_WORDS,))

    operand: Name
