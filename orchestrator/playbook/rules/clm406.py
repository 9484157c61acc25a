"""Hours of sending that quiet hours never leave open."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.flow.steps.send import Send
from orchestrator.language.durations import DailyHours
from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Flow, Playbook, QuietHours
from orchestrator.playbook.walk import flows_in_use, purpose_of, sends_of

CODE = "CLM406"
USUAL = DailyHours(21 * 60, 8 * 60)


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield sends that can only be held until they expire."""
    told: set[Mark] = set()
    for flow in flows_in_use(playbook):
        quiet = _quiet_hours(flow, playbook)
        for send in sends_of(flow) if quiet else ():
            slot, mark = _slot(send, playbook)
            if slot is None or mark in told or purpose_of(send, playbook) != "marketing":
                continue
            if quiet and not any(_open(minute, slot, quiet) for minute in range(24 * 60)):
                told.add(mark)
                yield Problem(
                    mark,
                    CODE,
                    f"send_between {slot} lies inside the quiet hours {quiet}: "
                    f'"{send.operand}" is never sent',
                    help="choose hours that end after the quiet hours or begin before them",
                    severity="warning",
                )


def _open(minute: int, slot: DailyHours, quiet: DailyHours) -> bool:
    return slot.contains(minute) and not quiet.contains(minute)


def _quiet_hours(flow: Flow, playbook: Playbook) -> DailyHours | None:
    """Return the flow's quiet hours if they are the same every day on the customer's clock."""
    own, shared = flow.guardrails, playbook.project.guardrails
    if own and own.ignore and "quiet_hours" in own.ignore:
        return None
    said = (own.quiet_hours if own else None) or (shared.quiet_hours if shared else None)
    if said is None:
        return USUAL
    if not isinstance(said, QuietHours) or said.on_days or said.timezone not in (None, "customer"):
        return None
    return said.between


def _slot(send: Send, playbook: Playbook) -> tuple[DailyHours | None, Mark]:
    """Return the one ``send_between`` that applies, and where it stands."""
    message = playbook.messages.get(send.operand)
    for words in (send, message.settings if message else None, playbook.project.defaults):
        if words is not None and words.send_between is not None:
            return words.send_between, words.mark_at("send_between")
    return None, send.mark
