"""A message that no flow sends."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Message, Playbook
from orchestrator.playbook.walk import sends_of

CODE = "CLM415"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield messages that no flow sends, retired flows included."""
    sent = {str(send.operand) for flow in playbook.flows.values() for send in sends_of(flow)}
    for name, message in playbook.messages.items():
        if name not in sent:
            yield Problem(
                _place(message),
                CODE,
                f'no flow sends "{name}"',
                help=f"add a step {{send: {name}}}, or take the folder away",
                severity="warning",
            )


def _place(message: Message) -> Mark:
    paths = [template.path for template in message.templates]
    return Mark(min(paths), 1, 1) if paths else message.settings.mark
