"""``first`` and ``last``: when the first or last such event was."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.modifiers import WHERE, WHERE_DOC, Where, Window
from orchestrator.language.shapes import Name, Ref
from orchestrator.language.words import Rules, word


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class FirstOrLast(Condition, Window):
    """The first or last of all such events, then a test of its time."""

    heads = ("first", "last")
    operand_shape = Ref("event")
    operand_doc = "The event."
    rules = Rules(any_of=(("in_last", "older_than", "before", "after"),))

    operand: Name
    where: Where | None = word(WHERE, WHERE_DOC, default=None)
