"""The adapters that speak HTTP keep the contract of channels."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.receipt import Callback
from orchestrator.channels.sms import SmsChannel
from orchestrator.channels.webhook import WebhookChannel
from orchestrator.channels.whatsapp import WhatsappChannel
from orchestrator.testing.channels import (
    Behaviour,
    HttpProvider,
    adapter_of,
    exercise_channel,
    sample_message,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SHORT = timedelta(seconds=1)
SECRETS = {"ACCOUNT": "AC-canary-4711", "TOKEN": "token-canary-4711", "APP": "app-canary-4711"}


class Twilio:
    """Makes the callbacks of Twilio."""

    def delivered(self, message: OutgoingMessage, provider_id: str | None) -> Callback:
        form = {"MessageSid": provider_id or "", "MessageStatus": "delivered"}
        return self._signed(urlencode(form).encode(), form, f"?key={message.provider_key}")

    def signed(self, body: bytes) -> Callback:
        return self._signed(body, {}, "")

    def _signed(self, body: bytes, form: dict[str, str], query: str) -> Callback:
        url = f"https://kopi.example/receipts/sms{query}"
        text = url + "".join(name + form[name] for name in sorted(form))
        proof = hmac.new(SECRETS["TOKEN"].encode(), text.encode(), hashlib.sha1).digest()
        headers = {"x-twilio-signature": base64.b64encode(proof).decode()}
        return Callback("POST", url, headers, body, AT)


class Meta:
    """Makes the callbacks of the Cloud API."""

    def delivered(self, message: OutgoingMessage, provider_id: str | None) -> Callback:
        status = {
            "id": provider_id, "status": "delivered", "timestamp": "1772445600",
            "biz_opaque_callback_data": message.provider_key,
        }  # fmt: skip
        return self.signed(
            json.dumps({"entry": [{"changes": [{"value": {"statuses": [status]}}]}]}).encode()
        )

    def signed(self, body: bytes) -> Callback:
        proof = hmac.new(SECRETS["APP"].encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-hub-signature-256": f"sha256={proof}"}
        return Callback("POST", "https://kopi.example/receipts/whatsapp", headers, body, AT)


def test_sms(tmp_path: Path) -> None:
    with HttpProvider({"accept": (201, b'{"sid": "SM1"}')}) as provider:
        words = f"{{url: '{provider.url}', account: 'env:ACCOUNT', token: 'env:TOKEN', from: '+4312345', region: ID}}"
        done = exercise_channel(
            lambda: adapter_of(SmsChannel, words, folder=tmp_path, secrets=SECRETS, timeout=SHORT),
            provider,
            callbacks=Twilio(),
        )
    assert done.left_out == ()


def test_whatsapp(tmp_path: Path) -> None:
    with HttpProvider({"accept": (200, b'{"messages": [{"id": "wamid.1"}]}')}) as provider:
        words = f"{{url: '{provider.url}', phone_number_id: '77', token: 'env:TOKEN', app_secret: 'env:APP', region: ID}}"
        done = exercise_channel(
            lambda: adapter_of(
                WhatsappChannel, words, folder=tmp_path, secrets=SECRETS, timeout=SHORT
            ),
            provider,
            callbacks=Meta(),
        )
    assert done.left_out == ()


class Consumer(HttpProvider):
    """Takes calls; whatever it says with a 2xx is an answer."""

    def behave(self, how: Behaviour) -> bool:
        return how != "garble" and super().behave(how)


def test_webhook(tmp_path: Path) -> None:
    with Consumer() as provider:
        call = sample_message(WebhookChannel.spec)
        done = exercise_channel(
            lambda: adapter_of(
                WebhookChannel,
                "{secret: 'env:TOKEN', allow: [127.0.0.0/8]}",
                folder=tmp_path,
                secrets=SECRETS,
                timeout=SHORT,
            ),
            provider,
            message=replace(
                call, to=f"{provider.url}/points", message="points", fields={"points": 5}
            ),
        )
    garbled, unread = "the provider does not garble", "no callbacks: receipts were not tried"
    assert done.left_out == (garbled, unread)
