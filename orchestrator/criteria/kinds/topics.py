"""``subscribed_to`` and ``reachable_on``: may we, and can we, send?"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.language.shapes import Name, Ref


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class SubscribedTo(Condition):
    """Whether the customer's latest act about a topic is consent."""

    heads = ("subscribed_to", "not_subscribed_to")
    operand_shape = Ref("topic")
    operand_doc = "The topic."

    operand: Name


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class ReachableOn(Condition):
    """Whether the customer has an address for a channel that is not suppressed."""

    heads = ("reachable_on",)
    operand_shape = Ref("channel")
    operand_doc = "The channel."

    operand: Name
