"""The ``dry_run`` adapter: takes every message and sends none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from orchestrator.channels.base import Capabilities, Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.spec import ChannelSpec


@dataclass(frozen=True, kw_only=True)
class DryRunSettings(ChannelSettings):
    """Takes messages of any channel and sends none: they count as sent."""


class DryRunChannel(Channel):
    """Carries any channel, nowhere."""

    name = "dry_run"
    spec: ClassVar[ChannelSpec | None] = None
    capabilities = Capabilities(idempotent=True, at_once=1_000, timeout=timedelta(seconds=1))
    Settings = DryRunSettings

    def send(self, message: OutgoingMessage) -> Outcome:
        return accepted(f"dry_run:{message.provider_key}")
