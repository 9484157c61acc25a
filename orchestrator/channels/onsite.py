"""The ``onsite`` adapter: messages that wait for the customer's next visit.

The provider is our own database: what is sent stands in ``onsite_message`` from the same
transaction on, and the site fetches it from ``clmctl serve``, with the secret of this channel.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from orchestrator.channels.base import Capabilities, Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt, ReceiptKind
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import SecretShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.language.words import word

KINDS = ("opened", "clicked", "replied")


@dataclass(frozen=True, kw_only=True)
class OnsiteSettings(ChannelSettings):
    """Keeps messages for the site to fetch."""

    secret: Secret = word(SecretShape(), "What the site's server proves itself with.")


class OnsiteChannel(Channel):
    """Publishes; what the site then does with a message it tells as a callback."""

    name = "onsite"
    spec = CHANNELS["onsite"]
    capabilities = Capabilities(
        idempotent=True, is_published=True, at_once=500, timeout=timedelta(seconds=10)
    )
    Settings = OnsiteSettings
    settings: OnsiteSettings

    def send(self, message: OutgoingMessage) -> Outcome:
        return accepted(message.provider_key)

    def proves(self, authorization: str) -> bool:
        """Return whether a request's ``Authorization`` is the site's: ``Bearer <secret>``."""
        expected = f"Bearer {self.settings.secret.reveal()}"
        return hmac.compare_digest(expected.encode(), authorization.encode())

    def receipts(self, callback: Callback) -> Sequence[Receipt]:
        if not self.proves(callback.headers.get("authorization", "")):
            raise ForgedCallback
        body = callback.json()
        told = body if isinstance(body, list) else [body]
        return list(_read(told, callback.received_at))


def _read(told: list[Any], received_at: datetime) -> Iterator[Receipt]:
    """Yield what a list of ``{"key", "kind", "at"}`` says."""
    for one in told:
        if not isinstance(one, Mapping) or one.get("kind") not in KINDS:
            raise ValueError(f"each is an object with key and kind, one of {', '.join(KINDS)}")
        key, kind = str(one.get("key", "")), cast("ReceiptKind", one["kind"])
        at = min(_instant(one.get("at")) or received_at, received_at)
        source_id = f"onsite:{key}:{kind}:{one.get('id') or at.isoformat()}"
        yield Receipt(kind, at, source_id, provider_key=key)


def _instant(said: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    return read.astimezone(UTC) if read.tzinfo else None
