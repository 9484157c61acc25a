"""Reason codes in a person's words: a short label beside the sentence of ``gate.reasons``.

One code may be met at the entry, at the gate and as an exit, so there is a table for each.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.gate.reasons import REASONS

Labels = Mapping[str, str]

ENTRY: Labels = {
    "not_live": "flow not live",
    "opens_closes": "outside opens/closes",
    "stale": "too long ago",
    "before_live": "before the flow went live",
    "already_in": "already in the flow",
    "re_entry": "may not enter again yet",
    "audience": "not in the audience",
    "exits_when": "exit condition holds",
    "no_key": "no key",
}
"""Why an occurrence did not become a run."""

GATE: Labels = {
    "only_if": "only_if no longer holds",
    "audience": "no longer in the audience",
    "consent": "no consent",
    "suppressed": "suppressed address",
    "unreachable": "no address",
    "holdout": "holdout",
    "quiet_hours": "quiet hours",
    "send_between": "outside send hours",
    "volume": "volume breaker",
    "frequency": "frequency cap",
    "shadow": "shadow",
    "run_ended": "run ended",
}
"""Why a message was held, suppressed or expired."""

EXIT: Labels = {
    "goal": "reached the goal",
    "exit": "exit condition",
    "audience": "left the audience",
    "completed": "completed",
    "restarted": "restarted",
    "step": "exit step",
}
"""Why a run ended."""

WITHHELD: Labels = {
    "holdout": "holdout",
    "shadow": "shadow",
    "no_act": "no act of the customer before subscribe_to",
    "nobody": "nobody has the id",
}
"""Why an effect of a step was only noted."""

PLACES: Mapping[str, Labels] = {"entry": ENTRY, "gate": GATE, "exit": EXIT}
_RECHECKED = "The customer stopped matching the flow's `audience`, asked again by `recheck`."


def label(table: Labels, code: str) -> str:
    """Return a code's label; an unknown code is its own."""
    return table.get(code, code)


def sentence(place: str, code: str) -> str:
    """Return what a code means where it is met: ``entry``, ``gate`` or ``exit``."""
    reason = REASONS.get(code)
    if reason is not None and reason.where == place:
        return reason.says
    return _RECHECKED if code == "audience" else ""
