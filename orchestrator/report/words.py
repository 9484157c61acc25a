"""Reason codes as people read them: a short label, and a sentence that says what it means.

The codes are a closed list (semantics 61); one code may mean different things at the
entry, at the gate and as an exit, so there is one table for each.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """What a reason code is called, and what it means for the customer."""

    label: str
    sentence: str


GATE = {
    "only_if": Reason("only_if", "The step's own condition does not hold; the step is skipped."),
    "audience": Reason("no longer in the audience", "The customer left the flow's audience."),
    "consent": Reason(
        "no consent",
        "The customer is subscribed to no topic that allows this message on this channel.",
    ),
    "suppressed": Reason(
        "suppressed address", "Every address is on the suppression list (bounces, complaints)."
    ),
    "unreachable": Reason("no address", "There is no address on a channel with consent."),
    "holdout": Reason("holdout", "The customer is in the control group, which gets no marketing."),
    "quiet_hours": Reason(
        "quiet hours", "It is night where the customer lives; tried again later."
    ),
    "send_between": Reason(
        "outside send hours", "The message goes out at other local hours; tried again then."
    ),
    "volume": Reason(
        "volume breaker",
        "More customers than the limit would be written to; held until clmctl resume FLOW.",
    ),
    "frequency": Reason(
        "frequency cap", "The customer has had as many messages as the cap allows; tried again."
    ),
    "shadow": Reason("shadow", "The flow only watches; it sends nothing."),
    "run_ended": Reason("run ended", "The customer left the flow while the message was held."),
}
"""Reasons of a hold, a suppress or an expire."""

ENTRY = {
    "not_live": Reason("flow not live", "The flow is a draft, or retired."),
    "opens_closes": Reason("outside opens/closes", "It happened before the flow opens or after."),
    "stale": Reason("too long ago", "It happened longer ago than the flow catches up."),
    "before_live": Reason("before the flow went live", "It happened before the flow went live."),
    "already_in": Reason("already in the flow", "The customer is in this flow now."),
    "re_entry": Reason("re-entry", "The customer was here before, and may not enter again yet."),
    "audience": Reason("not in the audience", "The flow's audience does not hold."),
    "exits_when": Reason("exit condition holds", "The customer would leave the flow at once."),
    "no_key": Reason("no key", "The event lacks the property that tells runs apart."),
}
"""Reasons why an occurrence did not become a run."""

EXIT = {
    "goal": Reason("reached the goal", "The customer did what the flow is for."),
    "exit": Reason("exit condition", "The flow's exit condition holds."),
    "audience": Reason("left the audience", "The customer no longer fits the audience."),
    "completed": Reason("completed", "The customer walked to the end."),
    "restarted": Reason("restarted", "A new occurrence began the flow anew."),
    "step": Reason("exit step", "A step of the flow said exit."),
}
"""Reasons why a run ended."""

PLACES = {"entry": ENTRY, "gate": GATE, "exit": EXIT}


def label(table: dict[str, Reason], code: str) -> str:
    """Return a code's label; an unknown code is its own."""
    return table[code].label if code in table else code
