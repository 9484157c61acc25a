"""``total_of``, ``average_of``, ``number_of_different``: a property over events."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.modifiers import (
    COUNT_WORDS,
    WHERE,
    WHERE_DOC,
    Counts,
    RunWindow,
    Where,
)
from orchestrator.language.shapes import Name, Ref
from orchestrator.language.words import Rules, word


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class PropertyTotal(Condition, Counts, RunWindow):
    """Compare a total, an average or a number of different values of a property."""

    heads = ("total_of", "average_of", "number_of_different")
    operand_shape = Ref(
        "property", says="an event and a property such as purchase.amount"
    )
    operand_doc = "The property: `purchase.amount`."
    rules = Rules(any_of=(COUNT_WORDS,))

    operand: Name
    where: Where | None = word(WHERE, WHERE_DOC, default=None)
