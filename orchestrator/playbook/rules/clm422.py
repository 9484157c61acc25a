"""Marketing e-mail that may not leave."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.channels.registry import find_adapter
from orchestrator.channels.settings import ChannelSettings
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import channels_of, flows_in_use, purpose_of, sends_of

CODE = "CLM422"
_EMAIL = "email"
_PUBLIC = re.compile(r"https://|http://(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/]|\Z)")
"""What an unsubscribe link begins with (RFC 8058 asks for https); this machine is for trials."""


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield what a real e-mail adapter needs before it may carry marketing, and has not.

    Each marketing e-mail carries a link that unsubscribes at once (RFC 8058; Gmail and Yahoo
    ask for it) and the sender's postal address (CAN-SPAM, 15 U.S.C. 7704(a)(5)).
    """
    settings = playbook.channels.get(_EMAIL)
    if settings is None or not _is_real(settings):
        return
    flow = next(_flows_with_marketing(playbook), None)
    if flow is None:
        return
    project, lead = playbook.project, f'the flow "{flow}" sends marketing e-mail'
    if project.links is None:
        help = "say links: {base_url: https://…} in project.yaml: where unsubscribe links lead"
        yield Problem(settings.mark, CODE, f"{lead} and links.base_url is not set", help)
    elif not _PUBLIC.match(project.links.base_url):
        mark = project.links.mark_at("base_url")
        yield Problem(
            mark, CODE, f"{lead} and base_url is not https://", "mail providers ask for it"
        )
    if project.postal_address is None:
        help = "say postal_address: Shop, Street 1, City in project.yaml"
        yield Problem(settings.mark, CODE, f"{lead} and postal_address is not set", help)


def _is_real(settings: ChannelSettings) -> bool:
    """Return whether the adapter sends e-mail, and is not one that carries any channel."""
    return find_adapter(settings.adapter or _EMAIL).spec is not None


def _flows_with_marketing(playbook: Playbook) -> Iterator[str]:
    for flow in flows_in_use(playbook):
        if flow.status != "draft" and any(
            purpose_of(send, playbook) == "marketing" and _may_go(channels_of(send, playbook))
            for send in sends_of(flow)
        ):
            yield str(flow.flow)


def _may_go(channels: tuple[str, ...]) -> bool:
    return _EMAIL in channels or "preferred" in channels
