"""Why something was not done: the closed list of reason codes (semantics 61)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Reason:
    """One reason code, as ``clmctl explain CODE`` and the reference tell it."""

    code: str
    where: Literal["entry", "gate", "exit"]
    effect: str
    """What happens: ``refused``, ``suppress``, ``hold``, ``expire`` or ``ends the run``."""
    says: str


REASONS: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        Reason("not_live", "entry", "refused", "The flow was not live."),
        Reason(
            "opens_closes",
            "entry",
            "refused",
            "The occurrence lies outside the flow's `opens` and `closes`, on the customer's clock.",
        ),
        Reason(
            "stale",
            "entry",
            "refused",
            "The occurrence was older than `catch_up` when the flow first saw it.",
        ),
        Reason(
            "before_live",
            "entry",
            "refused",
            "It happened before the flow went live; `backfill` would take it in.",
        ),
        Reason("already_in", "entry", "refused", "The customer is in this flow already."),
        Reason(
            "re_entry", "entry", "refused", "`re_entry` does not let the customer in again yet."
        ),
        Reason(
            "audience", "entry", "refused", "The customer does not match the flow's `audience`."
        ),
        Reason("exits_when", "entry", "refused", "The flow's `exits_when` holds already."),
        Reason(
            "no_key",
            "entry",
            "refused",
            "The start event lacks the flow's `key` property, or it is of another type.",
        ),
        Reason(
            "only_if",
            "gate",
            "suppress",
            "The step's `only_if` stopped holding while the send was held.",
        ),
        Reason(
            "consent",
            "gate",
            "suppress",
            "The customer has not consented to this topic on any of the send's channels.",
        ),
        Reason(
            "suppressed",
            "gate",
            "suppress",
            "The customer's addresses bounced, complained or were erased.",
        ),
        Reason("unreachable", "gate", "suppress", "The customer has no address for the channels."),
        Reason(
            "holdout", "gate", "suppress", "The customer is in a control group that gets nothing."
        ),
        Reason("quiet_hours", "gate", "hold", "It is quiet hours on the customer's clock."),
        Reason("send_between", "gate", "hold", "It is outside the hours of `send_between`."),
        Reason(
            "volume",
            "gate",
            "hold",
            "More customers than `stop_if_more_than` allows; `clmctl resume FLOW` lets them go.",
        ),
        Reason("frequency", "gate", "hold", "A frequency rule is used up for this customer."),
        Reason("shadow", "gate", "suppress", "The flow runs in shadow: it sends nothing."),
        Reason("run_ended", "gate", "suppress", "The run ended while its send was held."),
        Reason("goal", "exit", "ends the run", "The run met its goal."),
        Reason("exit", "exit", "ends the run", "The flow's `exits_when` held."),
        Reason("completed", "exit", "ends the run", "The run came to the end of its steps."),
        Reason("restarted", "exit", "ends the run", "A newer start took the run's place."),
        Reason("step", "exit", "ends the run", "An `exit` step; its text is the detail."),
    )
}
"""Reason code → what it means. ``audience`` is also an exit, under `recheck`."""
