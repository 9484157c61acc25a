"""The ``whatsapp`` adapter: WhatsApp Business messages over Meta's Cloud API.

Marketing goes out as an approved template: ``whatsapp.json.j2`` prints its name, language and
components. A plain text (``whatsapp.txt.j2``) is delivered only within 24 hours of the
customer's own last message. Sources: Meta, "Cloud API: Messages", "Error codes", "Webhooks:
messages, statuses", "Validating payloads" (X-Hub-Signature-256).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import (
    Fault,
    Outcome,
    accepted,
    deferred,
    refused,
    rejected,
    unknown,
)
from orchestrator.channels.phone import e164
from orchestrator.channels.reach import Reach
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt, ReceiptKind
from orchestrator.channels.regions import RegionShape
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import SecretShape, UrlShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.channels.stop_words import is_stop
from orchestrator.channels.web import (
    LOCKED_OUT,
    Answer,
    Web,
    attempt,
    by_api_status,
    compact_json,
    retry_after,
    wrong_with,
)
from orchestrator.language.shapes import Text
from orchestrator.language.words import word

API = "https://graph.facebook.com/v23.0"
_LATER = frozenset((
    "4", "17", "32", "613", "80007", "80008", "130429", "131016", "131048", "131056", "131057",
    "133016",
))  # fmt: skip
"""Too many, or not in service: surely not taken."""
_OURS = frozenset((
    "0", "3", "10", "33", "190", "200", "368", "131005", "131031", "131037", "131042", "131045",
    "133000", "133005", "133006", "133010",
))  # fmt: skip
"""Our token, permission, payment, number or its name is not as it must be."""
_NOT_THERE = "130497"
"""We may not write to the receiver's country; to others we may."""
_NO_SUCH_OBJECT = 33
"""Of error 100: there is no number of this id, or our token may not see it."""
_DEAD = frozenset(("131050",))
"""131050: the person has stopped marketing messages of this business."""
_KINDS: Mapping[str, ReceiptKind] = {
    "sent": "accepted", "delivered": "delivered", "read": "opened", "failed": "failed",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class WhatsappSettings(ChannelSettings):
    """Sends WhatsApp messages through Meta's Cloud API."""

    phone_number_id: str = word(
        Text(),
        "The id of the number that messages come from.",
        called=("from", "number", "phone_id", "phone"),
    )
    token: Secret = word(
        SecretShape(),
        "The access token of the system user.",
        called=("access_token", "auth_token", "api_key", "key"),
    )
    app_secret: Secret | None = word(
        SecretShape(), "The app's secret: what callbacks are proved by.", default=None
    )
    verify_token: Secret | None = word(
        SecretShape(), "What Meta is told to say when it sets callbacks up.", default=None
    )
    region: str | None = word(
        RegionShape(), "The country of numbers that name none, such as ID.", default=None
    )
    url: str = word(
        UrlShape(),
        "Another server or version of the API.",
        default=API,
        called=("host", "server", "endpoint", "base_url", "api_url"),
    )


class WhatsappChannel(Channel):
    """One request per message; the API knows no idempotency key."""

    name = "whatsapp"
    spec = CHANNELS["whatsapp"]
    capabilities = Capabilities(timeout=timedelta(seconds=30))
    Settings = WhatsappSettings

    def __init__(self, settings: WhatsappSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._web = Web(Reach(everywhere=True), self.capabilities.timeout)

    def send(self, message: OutgoingMessage) -> Outcome:
        to = e164(message.to, self.settings.region)
        if to is None:
            return rejected("no phone number with a country", code="bad_number")
        content = _content(message)
        if content is None:
            return rejected("the template prints no object", code="bad_template")
        posted = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to.removeprefix("+"),
            "biz_opaque_callback_data": message.provider_key,
            **content,
        }
        return attempt(
            lambda: self._web.post(self._messages, compact_json(posted), self._headers), _read
        )

    def check(self) -> list[str]:
        return wrong_with(
            lambda: self._web.exchange("GET", self._number, b"", self._headers),
            _read,
            lambda: self._web.exchange("OPTIONS", self._messages, b"", self._headers),
        )

    @property
    def _number(self) -> str:
        return f"{self.settings.url.rstrip('/')}/{self.settings.phone_number_id}"

    @property
    def _messages(self) -> str:
        return f"{self._number}/messages"

    @property
    def _headers(self) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.settings.token.reveal()}",
            "content-type": "application/json",
        }

    def sender_of(self, message: OutgoingMessage) -> str:
        return str(self.settings.phone_number_id)

    def handshake(self, callback: Callback) -> str | None:
        asked = dict(parse_qsl(callback.url.partition("?")[2]))
        own = self.settings.verify_token
        if own is None or asked.get("hub.mode") != "subscribe":
            return None
        said = asked.get("hub.verify_token", "")
        is_ours = hmac.compare_digest(own.reveal().encode(), said.encode())
        return asked.get("hub.challenge") if is_ours else None

    def receipts(self, callback: Callback) -> Sequence[Receipt]:
        if self.settings.app_secret is None:
            raise ForgedCallback
        secret = self.settings.app_secret.reveal().encode()
        expected = "sha256=" + hmac.digest(secret, callback.body, hashlib.sha256).hex()
        given = callback.headers.get("x-hub-signature-256", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise ForgedCallback
        return list(_told(callback.json(), callback.received_at))

    def close(self) -> None:
        self._web.close()


def _content(message: OutgoingMessage) -> dict[str, Any] | None:
    """Return the part of the request that says what is sent; None if the template is no object."""
    if not message.is_json:
        return {"type": "text", "text": {"preview_url": True, "body": message.text}}
    found = json.loads(message.text)
    if not isinstance(found, dict):
        return None
    return found if "type" in found else {"type": "template", "template": found}


def _read(answer: Answer) -> Outcome:
    found = answer.json()
    known: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if 200 <= answer.status < 300:
        id = next((one["id"] for one in _objects(known.get("messages")) if "id" in one), None)
        is_clear = id and "error" not in known
        return (
            accepted(str(id)) if is_clear else unknown("an answer without an id, or with an error")
        )
    said = known.get("error")
    error: Mapping[str, Any] = said if isinstance(said, dict) else {}
    code = str(error["code"]) if "code" in error else ""
    if code in _LATER:
        fault: Fault = "provider" if code == "131016" else "message"
        return deferred(f"error {code}", code=code, retry_after=retry_after(answer), fault=fault)
    if code in _OURS or (code == "100" and error.get("error_subcode") == _NO_SUCH_OBJECT):
        return refused(LOCKED_OUT, code=code)
    if code == _NOT_THERE:
        return rejected("we may not write to people in that country", code=code)
    likely = by_api_status(answer, code=code or None)
    if likely.kind != "rejected":
        return likely
    return rejected(f"error {code or answer.status}", code=code, is_dead_address=code in _DEAD)


def _told(body: Any, received_at: datetime) -> Iterator[Receipt]:
    """Yield the statuses and the answers in a callback; what is neither is passed over."""
    if not isinstance(body, dict):
        raise ValueError("the callback is no object")  # noqa: TRY004 - what cannot be read is a ValueError here
    for entry in _objects(body.get("entry")):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, dict):
                yield from (_status(one, received_at) for one in _known(value.get("statuses")))
                yield from (_reply(one, received_at) for one in _objects(value.get("messages")))


def _known(statuses: Any) -> Iterator[dict[str, Any]]:
    return (one for one in _objects(statuses) if one.get("status") in _KINDS)


def _status(one: Mapping[str, Any], received_at: datetime) -> Receipt:
    errors = _objects(one.get("errors"))
    code = str(errors[0].get("code")) if errors else None
    key = one.get("biz_opaque_callback_data")
    return Receipt(
        _KINDS[one["status"]],
        _instant(one.get("timestamp"), received_at),
        f"whatsapp:{one.get('id')}:{one['status']}",
        provider_key=key if isinstance(key, str) else None,
        provider_id=str(one.get("id")),
        code=code,
    )


def _reply(one: Mapping[str, Any], received_at: datetime) -> Receipt:
    text = one.get("text")
    said = str(text.get("body", "")) if isinstance(text, dict) else ""
    return Receipt(
        "unsubscribed" if is_stop(said) else "replied",
        _instant(one.get("timestamp"), received_at),
        f"whatsapp:{one.get('id')}",
        address=f"+{one.get('from')}",
    )


def _instant(stamp: Any, otherwise: datetime) -> datetime:
    try:
        return min(datetime.fromtimestamp(int(stamp), UTC), otherwise)
    except (TypeError, ValueError, OverflowError, OSError):
        return otherwise


def _objects(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
