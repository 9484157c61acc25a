"""``subscribed_to`` and ``reachable_on``: may we, and can we, send?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.phrases import title
from orchestrator.language.names import Name, Ref

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class SubscribedTo(Condition):
    """Whether the customer's latest act about a topic is consent."""

    heads = ("subscribed_to", "not_subscribed_to")
    operand_shape = Ref("topic")
    operand_doc = "The topic."
    pattern_heads = {
        "subscribed_to": "The latest act is consent.",
        "not_subscribed_to": "It is not, or there is none.",
    }
    example = """\
- subscribed_to: newsletter
- not_subscribed_to: sms_offers
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        held = scope.subscribed(self.operand)
        return ~held if self.head.startswith("not_") else held

    def swept(self, sweep: Sweep) -> None:
        sweep.consents()

    def says(self) -> str:
        return f"{title(self.head)} {self.operand}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.latest_act(self.operand)


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class ReachableOn(Condition):
    """Whether the customer has an address for a channel that is not suppressed."""

    heads = ("reachable_on",)
    operand_shape = Ref("channel")
    operand_doc = "The channel."
    example = """\
- reachable_on: email
"""

    operand: Name

    def predicate(self, scope: Scope) -> Predicate:
        return scope.reachable(self.operand)

    def swept(self, sweep: Sweep) -> None:
        sweep.suppressions()

    def says(self) -> str:
        return f"reachable on {self.operand}"

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.address_of(self.operand)
