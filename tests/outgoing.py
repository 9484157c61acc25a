"""A message as adapters get it, in a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.spec import CHANNELS
from orchestrator.testing.channels.samples import sample_message


def outgoing(channel: str, **more: Any) -> OutgoingMessage:
    """Return a message on a channel, always the same; anything else may be said."""
    given: dict[str, Any] = {
        "key": f"v1.shop.c_1.welcome.1.hello.0.{channel}.0",
        "provider_key": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGH",
        "channel": channel,
        "customer": "c_1",
        "to": "",
        "text": "Hello.",
    }
    return replace(sample_message(CHANNELS.get(channel)), **{**given, **more})
