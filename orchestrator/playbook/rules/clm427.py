"""Links of mails that lead to a machine which no customer can reach."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from orchestrator.channels.mail.settings import EmailSettings
from orchestrator.channels.reach import is_private
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook

CODE = "CLM427"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield a ``links.base_url`` on a private address, where mail leaves this machine."""
    settings, links = playbook.channels.get("email"), playbook.project.links
    if not isinstance(settings, EmailSettings) or settings.is_on_this_machine or links is None:
        return
    host = urlsplit(links.base_url).hostname or ""
    if is_private(host):
        yield Problem(
            links.mark_at("base_url"),
            CODE,
            f"nobody but this machine and its neighbours reaches {host}: "
            "no receiver of a mail could unsubscribe",
            help="say the public address of clmctl serve; to try things out, send to a mail "
            "server on this machine",
            severity="warning",
        )
