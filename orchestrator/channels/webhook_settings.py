"""What the ``webhook`` channel is told in ``channels.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from orchestrator.channels.reach import Reach
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import NetworkShape, SecretShape
from orchestrator.language.containers import ListOf
from orchestrator.language.words import word


@dataclass(frozen=True, kw_only=True)
class WebhookSettings(ChannelSettings):
    """Calls the addresses of the catalog's `webhooks`."""

    secret: Secret | None = word(
        SecretShape(),
        "What calls are signed with (Standard Webhooks); without it they are not signed.",
        default=None,
    )
    allow: tuple[str, ...] | None = word(
        ListOf(NetworkShape()),
        "Networks that may be called although they are not public, such as 10.0.0.0/8.",
        default=None,
    )

    @property
    def reach(self) -> Reach:
        """Where calls may go."""
        return Reach(tuple(ip_network(one) for one in self.allow or ()))
