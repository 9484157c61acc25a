"""``send``: hands one message to the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.containers import ListOf, MapOf
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.language.literals import Literal, LiteralShape
from orchestrator.language.moments import DurationShape, Hours
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.shapes import OneOf, Text, Truth, Whole
from orchestrator.language.words import Rules, word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

PURPOSES = ("marketing", "transactional")


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Send(Step):
    """Send a message, if the gate lets it pass; `hold` waits here, `suppress` goes on."""

    heads = ("send",)
    operand_shape = Ref("message")
    operand_doc = "The message: a folder of `templates/`."
    example = """\
- send: welcome_hello
- send: cart_reminder
  channels: [push, email]
  send_between: 09:00-18:00
  expires_after: 12 hours
  with: {discount: 10%}
"""
    rules = Rules(needs={"on_each_channel": ("channels",)}, not_together=(("channel", "channels"),))

    operand: Name
    channel: Name | None = word(
        Ref("channel"), "The channel; without it the project's default.", default=None
    )
    channels: tuple[Name, ...] | None = word(
        ListOf(Ref("channel", also=("preferred",))),
        "Channels in order of preference; `preferred` is the customer's own. The first with "
        "consent, an address and no suppression is taken.",
        default=None,
    )
    subject: str | None = word(Text(), "Instead of the template's subject (Jinja).", default=None)
    with_: dict[Name, Literal] | None = word(
        MapOf(DataName("value"), LiteralShape()),
        "Values for the template, as `with.x`.",
        default=None,
    )
    send_between: DailyHours | None = word(
        Hours(), "Only in these hours of the customer's day.", default=None
    )
    expires_after: Duration | None = word(
        DurationShape(),
        "Not sent if held for this long (default 3 days).",
        default=None,
    )
    topic: Name | None = word(
        Ref("topic"), "What the customer must be subscribed to.", default=None
    )
    purpose: str | None = word(
        OneOf(*PURPOSES),
        "`transactional` needs no consent and is never capped.",
        default=None,
    )
    priority: int | None = word(Whole(0, 100), "Goes first among a customer's sends.", default=None)
    if_refused: str | None = word(
        OneOf("exit"),
        "`exit` leaves the flow if there is no consent, no address, only suppressed ones, or the "
        "customer is in a control group; without it the run goes on.",
        default=None,
    )
    on_each_channel: bool | None = word(
        Truth(),
        "`true` sends on every channel of the list that has consent and an address; it counts as "
        "one message.",
        default=None,
    )

    @property
    def own_id(self) -> str:
        """The step's id, else the name of its message (semantics 41)."""
        return str(self.id or self.operand)

    def advance(self, walk: Walk) -> None:
        walk.stand()
