"""A restart that only works while the customer is inside."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import flows_in_use

CODE = "CLM431"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield flows that restart whom they would not let in again."""
    for flow in flows_in_use(playbook):
        unclear = "re_entry" in (flow.unread or ())
        if flow.if_already_in == "restart" and flow.re_entry.how == "never" and not unclear:
            yield Problem(
                flow.mark_at("if_already_in"),
                CODE,
                f'"{flow.flow}" begins anew for customers inside, but lets nobody in who has left',
                help="say re_entry: always, or after so long; re_entry: never is the default",
                severity="warning",
            )
