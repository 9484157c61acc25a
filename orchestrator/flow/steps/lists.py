"""``add_to`` and ``remove_from``: who is on a list of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.names import Name, Ref

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Membership(Step):
    """Put the customer on a list, or take them off; the latest of the two counts."""

    heads = ("add_to", "remove_from")
    operand_shape = Ref("list")
    operand_doc = "A list of the catalog."
    pattern_heads = {
        "add_to": "Onto the list. A customer in a control group is not added.",
        "remove_from": "Off the list, whoever put them there.",
    }
    example = """\
- add_to: paid_social_lapsed
- remove_from: paid_social_lapsed
"""

    operand: Name

    def advance(self, walk: Walk) -> None:
        walk.change_list(self.head, self.operand)
        walk.go_on()
