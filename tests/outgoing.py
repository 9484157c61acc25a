"""A message as adapters get it, in a line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from orchestrator.channels.message import OutgoingMessage


def outgoing(channel: str, **more: Any) -> OutgoingMessage:
    """Return a message on a channel; anything else may be said."""
    given: dict[str, Any] = {
        "key": f"v1.shop.c_1.welcome.1.hello.0.{channel}.0",
        "provider_key": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGH",
        "channel": channel,
        "message": "hello",
        "flow": "welcome",
        "step": "hello",
        "customer": "c_1",
        "to": "",
        "purpose": "marketing",
        "text": "Hello.",
        "created_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "project": "shop",
    }
    return OutgoingMessage(**{**given, **more})
