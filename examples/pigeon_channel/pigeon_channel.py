"""Messages by carrier pigeon: all that clmctl has to know of a provider, in one file."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from orchestrator.channels.api import (
    Callback,
    Capabilities,
    Channel,
    ChannelSettings,
    ChannelSpec,
    ForgedCallback,
    Outcome,
    OutgoingMessage,
    Receipt,
    Secret,
    SecretShape,
    UrlShape,
    accepted,
    deferred,
    refused,
    rejected,
    unknown,
    word,
)

LONGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class PigeonSettings(ChannelSettings):
    """Sends each message by a carrier pigeon of a loft near you."""

    loft: str = word(UrlShape(), "The web address of the loft.")
    key: Secret = word(SecretShape(), "What lets you into the loft, and signs its callbacks.")


class PigeonChannel(Channel):
    """Carries the channel ``pigeon``, which customers with a phone number can be reached by."""

    name = "pigeon"
    spec = ChannelSpec("pigeon", "phone", covered=False, formats=("txt",))
    capabilities = Capabilities(
        idempotent=True, key_ttl=timedelta(days=1), expiry=True, timeout=timedelta(seconds=10)
    )
    Settings = PigeonSettings
    settings: PigeonSettings

    def send(self, message: OutgoingMessage) -> Outcome:
        said = {
            "to": message.to,
            "text": message.text,
            "key": message.provider_key,
            "not_after": message.expires_at.isoformat() if message.expires_at else None,
        }
        return self._post("/flights", json.dumps(said).encode())

    def receipts(self, callback: Callback) -> list[Receipt]:
        """Read what the loft tells later; its signature is over the raw octets."""
        wanted = hmac.new(self._key(), callback.body, hashlib.sha256).hexdigest()
        given = callback.headers.get("x-loft-signature", "")
        if not hmac.compare_digest(wanted.encode(), given.encode()):
            raise ForgedCallback("the signature of the loft is wrong")
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

    def _key(self) -> bytes:
        return self.settings.key.reveal().encode()

    def _post(self, path: str, body: bytes) -> Outcome:
        """Make one request; what is certain about it decides which outcome it is."""
        connection, seconds = self._connection(), self.capabilities.timeout.total_seconds()
        try:
            connection.connect()
        except OSError as error:
            return deferred(f"the loft cannot be reached: {type(error).__name__}")
        # A socket's own timeout begins anew with every octet; this one does not.
        end = Timer(seconds, _hang_up, [connection.sock])
        end.daemon = True
        end.start()
        try:
            headers = {"Authorization": f"Bearer {self.settings.key.reveal()}"}
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = response.read(LONGEST_ANSWER)
        except (OSError, HTTPException, ValueError) as error:
            return unknown(f"the loft did not answer: {type(error).__name__}")
        finally:
            end.cancel()
            connection.close()
        return _outcome(response.status, response.headers.get("Retry-After"), answer)

    def _connection(self) -> HTTPConnection:
        address = urlsplit(self.settings.loft)
        cls = HTTPSConnection if address.scheme == "https" else HTTPConnection
        seconds = self.capabilities.timeout.total_seconds()
        return cls(address.hostname or "", address.port, timeout=seconds)


def _hang_up(connected: socket) -> None:
    with suppress(OSError):
        connected.shutdown(SHUT_RDWR)


def _outcome(status: int, retry_after: str | None, answer: bytes) -> Outcome:
    code = str(status)
    if status in (429, 503):
        wait = (
            timedelta(seconds=int(retry_after)) if retry_after and retry_after.isdigit() else None
        )
        return deferred("the loft asks to wait", code=code, retry_after=wait)
    if status in (401, 403):
        return refused("the loft does not let us in", code=code)
    if 400 <= status < 500:
        return rejected("the loft does not take this message", code=code)
    flight = _flight(answer) if status < 300 else None
    return accepted(flight) if flight else unknown("the loft is not clear", code=code)


def _flight(answer: bytes) -> str | None:
    """Return what the loft calls a flight, None if it says something else."""
    try:
        said: Any = json.loads(answer)
        return str(said["id"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
