"""The ``webhook`` adapter: calls of flows, signed by Standard Webhooks.

The consumer sees the same ``webhook-id`` (and ``idempotency-key``) at every attempt, and is
expected to act on it once. Source: the Standard Webhooks specification, "Signature scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, unknown
from orchestrator.channels.spec import WEBHOOK, ChannelSpec
from orchestrator.channels.web import Answer, Web, attempt, by_status, compact_json
from orchestrator.channels.webhook_settings import WebhookSettings
from orchestrator.clock import utcnow

_PREFIX = "whsec_"


class WebhookChannel(Channel):
    """Posts a JSON object; what it is answered with comes back to the flow."""

    name = "webhook"
    spec = ChannelSpec(WEBHOOK, None, covered=False, formats=("json",))
    capabilities = Capabilities(idempotent=True, timeout=timedelta(seconds=20))
    Settings = WebhookSettings

    def __init__(self, settings: WebhookSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._web = Web(settings.reach, self.capabilities.timeout)
        if settings.secret is not None and not key_of(settings.secret.reveal()):
            raise settings.secret.fault(
                f"after {_PREFIX} stands a key in base64, and nothing else", "cannot be used"
            )

    def send(self, message: OutgoingMessage) -> Outcome:
        return attempt(lambda: self._post(message), lambda answer: _read(answer, message))

    def _post(self, message: OutgoingMessage) -> Answer:
        body = body_of(message)
        return self._web.post(message.to, body, self._headers(message, body))

    def _headers(self, message: OutgoingMessage, body: bytes) -> dict[str, str]:
        stamp = str(int(utcnow().timestamp()))
        headers = {
            "content-type": "application/json",
            "webhook-id": message.provider_key,
            "webhook-timestamp": stamp,
            "idempotency-key": message.provider_key,
        }
        if self.settings.secret is not None:
            headers["webhook-signature"] = signature(
                self.settings.secret.reveal(), message.provider_key, stamp, body
            )
        return headers

    def close(self) -> None:
        self._web.close()


def body_of(message: OutgoingMessage) -> bytes:
    """Return what is posted: the same octets at every attempt."""
    posted = {
        "type": message.message,
        "timestamp": message.created_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "customer": message.customer,
            "flow": message.flow,
            "step": message.step,
            "entry": message.entry,
            "with": dict(message.fields),
        },
    }
    return compact_json(posted)


def signature(secret: str, id: str, stamp: str, body: bytes) -> str:
    """Return ``v1,`` and the base64 of the HMAC-SHA256 over id, timestamp and raw body.

    Args:
        secret: ``whsec_`` and base64, or any other text as it is.
    """
    key = key_of(secret)
    signed = b".".join((id.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for, none if it says to be base64 and is not."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return b""


def _read(answer: Answer, message: OutgoingMessage) -> Outcome:
    if 200 <= answer.status < 300:
        return accepted(fields=fields_of(answer.json()))
    if answer.status == 409 and message.attempt > 1:
        return unknown("HTTP 409; perhaps an earlier attempt is still being worked on", code="409")
    return by_status(answer)


def fields_of(answered: Any) -> Mapping[str, str]:
    """Return the plain values of an answer that is an object, as text, by name."""
    if not isinstance(answered, Mapping):
        return {}
    return {
        str(name): value if isinstance(value, str) else json.dumps(value)
        for name, value in answered.items()
        if isinstance(value, str | int | float | bool)
    }
