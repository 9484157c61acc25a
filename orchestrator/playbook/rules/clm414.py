"""``|safe`` on a value that nobody called trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Message, Playbook, Template

CODE = "CLM414"
_PRINTED_SAFE = re.compile(r"\{\{-?\s*(?P<value>[^}|]*?)\s*(?:\|[^}]*?)?\|\s*safe\b")


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield values that a template prints unescaped without ``trusted`` naming them."""
    for message in playbook.messages.values():
        for template in message.templates:
            yield from _untrusted(message, template)


def _untrusted(message: Message, template: Template) -> Iterator[Problem]:
    trusted = message.settings.trusted or ()
    for number, line in enumerate(template.body.splitlines()):
        for found in _PRINTED_SAFE.finditer(line):
            value = found["value"]
            if value not in trusted:
                yield Problem(
                    Mark(
                        template.path,
                        template.body_line + number,
                        found.start() + 1,
                        len(found[0]),
                    ),
                    CODE,
                    f'"{value}" is printed with |safe and not listed under "trusted"',
                    help=f"a customer's text could carry markup; if it cannot, say "
                    f"trusted: [{value}] in message.yaml",
                    severity="warning",
                )
