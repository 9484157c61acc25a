"""A webhook that is never called, because of where it leads."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.channels.reach import NotReachable
from orchestrator.channels.spec import WEBHOOK
from orchestrator.channels.webhook_settings import WebhookSettings
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook

CODE = "CLM426"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield webhooks that the adapter refuses to call whatever their names resolve to."""
    settings = playbook.channels.get(WEBHOOK)
    if not isinstance(settings, WebhookSettings):
        return  # another adapter has its own idea of where calls may go
    for name, webhook in (playbook.catalog.webhooks or {}).items():
        try:
            settings.reach.require_literal(webhook.url)
        except NotReachable as why:
            yield Problem(
                webhook.mark_at("url"),
                CODE,
                f'the webhook "{name}" is never called: {why}',
                help="name a public address; networks of your own go to allow of the channel "
                "webhook in channels.yaml",
                severity="warning",
            )
