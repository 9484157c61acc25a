"""``subscribe_to`` and ``unsubscribe_from``: consent, as a run writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.names import Name, Ref

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

EVERY_TOPIC = "any"
"""Stands for every marketing topic of the catalog."""


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Subscription(Step):
    """Write consent, or its withdrawal; conditions and the gate of this tick see it at once."""

    heads = ("subscribe_to", "unsubscribe_from")
    operand_shape = Ref("topic", also=(EVERY_TOPIC,))
    operand_doc = "The topic, or `any` for every marketing topic."
    pattern_heads = {
        "subscribe_to": "Consent. It needs an act of the customer in this run before it, later "
        "than a withdrawal of their own: the event that started the run, an event of the catalog "
        "since then, a click or reply to a message of the run. Without one nothing is written.",
        "unsubscribe_from": "Withdrawal; no import undoes it.",
    }
    example = """\
- subscribe_to: newsletter
  only_if: {clicked: welcome_hello}
- unsubscribe_from: any
"""

    operand: Name

    def advance(self, walk: Walk) -> None:
        walk.change_consent(self.head, self.operand)
        walk.go_on()
