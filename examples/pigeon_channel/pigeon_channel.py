"""Messages by carrier pigeon: all that clmctl has to know of a provider, in one file."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orchestrator.channels.api import (
    Answer,
    Callback,
    Capabilities,
    Channel,
    ChannelSettings,
    ChannelSpec,
    ForgedCallback,
    Outcome,
    OutgoingMessage,
    Reach,
    Receipt,
    Secret,
    SecretShape,
    Surroundings,
    UrlShape,
    Web,
    accepted,
    attempt,
    by_status,
    compact_json,
    unknown,
    word,
)


@dataclass(frozen=True, kw_only=True)
class PigeonSettings(ChannelSettings):
    """Sends each message by a carrier pigeon of a loft near you."""

    loft: str = word(UrlShape(), "The web address of the loft.")
    key: Secret = word(SecretShape(), "What lets us into the loft, and signs its callbacks.")


class PigeonChannel(Channel):
    """Carries the channel ``pigeon``, which reaches customers by their phone number."""

    name = "pigeon"
    spec = ChannelSpec("pigeon", "phone", covered=False, formats=("txt",))
    capabilities = Capabilities(
        idempotent=True, key_ttl=timedelta(days=1), expiry=True, timeout=timedelta(seconds=10)
    )
    Settings = PigeonSettings
    settings: PigeonSettings

    def __init__(self, settings: PigeonSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._web = Web(Reach(everywhere=True), self.capabilities.timeout)

    def send(self, message: OutgoingMessage) -> Outcome:
        """Make one request; the answer, or its absence, says which outcome it is."""
        flight = {
            "to": message.to,
            "text": message.text,
            "key": message.provider_key,
            "not_after": message.expires_at.isoformat() if message.expires_at else None,
        }
        url = f"{self.settings.loft}/flights"
        headers = {"authorization": f"Bearer {self.settings.key.reveal()}"}
        return attempt(lambda: self._web.post(url, compact_json(flight), headers), _outcome)

    def receipts(self, callback: Callback) -> list[Receipt]:
        """Read what the loft tells later; its signature is over the raw octets."""
        wanted = hmac.new(self.settings.key.reveal().encode(), callback.body, hashlib.sha256)
        given = callback.headers.get("x-loft-signature", "")
        if not hmac.compare_digest(wanted.hexdigest().encode(), given.encode()):
            raise ForgedCallback
        try:
            said = json.loads(callback.body)
            return [
                Receipt(
                    kind="delivered" if said["landed"] else "failed",
                    at=datetime.fromtimestamp(said["at"], UTC),
                    source_id=str(said["flight"]),
                    provider_key=str(said["key"]),
                )
            ]
        except (LookupError, TypeError, ArithmeticError, RecursionError) as error:
            raise ValueError("the loft tells something else") from error

    def close(self) -> None:
        """Close the connection that is kept between messages."""
        self._web.close()


def _outcome(answer: Answer) -> Outcome:
    """Return what an answer of the loft means; where it is the usual, ``by_status`` knows."""
    if answer.status >= 300:
        return by_status(answer)
    said = answer.json()
    flight = said.get("id") if isinstance(said, dict) else None
    return accepted(str(flight)) if flight else unknown("the loft is not clear")
