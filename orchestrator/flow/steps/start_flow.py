"""``start_flow``: tells another flow about a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.containers import MapOf
from orchestrator.language.literals import Literal, LiteralShape, Reference
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.nodes import Node
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


class OwnValue(LiteralShape):
    """A value of the customer or the run: ``$entry.x``."""

    says = "a value of the run or the customer such as $entry.friend"

    def read_resolved(self, node: Node, reader: Reader) -> Literal | Invalid:
        read = super().read_resolved(node, reader)
        if isinstance(read, Literal) and not isinstance(read.value, Reference):
            return self.refuse(node, reader)
        return read


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class StartFlow(Step):
    """Tell another flow about the customer, or about somebody they name.

    The other flow says `told_by:` this one; its audience, `re_entry` and guardrails decide. It
    hears of it at the next tick.
    """

    heads = ("start_flow",)
    operand_shape = Ref("flow")
    operand_doc = "The other flow."
    example = """\
- start_flow: referral_reward
  for: $entry.referred_by
  with: {friend: $customer.id, points: 50}
"""

    operand: Name
    for_: Literal | None = word(
        OwnValue(),
        "The id of another customer, as `$entry.x` or `$customer.x`. An id that nobody has tells "
        "nobody.",
        default=None,
    )
    with_: dict[Name, Literal] | None = word(
        MapOf(DataName("value"), LiteralShape()), "What the other flow sees as `entry.x`.",
        default=None,
    )  # fmt: skip

    def advance(self, walk: Walk) -> None:
        walk.tell_flow(self.operand, self.for_, self.with_ or {})
        walk.go_on()
