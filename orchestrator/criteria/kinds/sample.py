"""``sample``: a stable share of the customers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.language.shapes import Share, Text
from orchestrator.language.words import word


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class Sample(Condition):
    """Whether the customer falls into a share; raising the share only adds people."""

    heads = ("sample",)
    operand_shape = Share()
    operand_doc = "The share: `10%`."

    operand: Decimal
    seed: str | None = word(
        Text(), "Another seed than `sample:<flow, segment or stage>`.", default=None
    )
