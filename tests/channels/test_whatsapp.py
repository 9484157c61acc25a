"""WhatsApp messages over an API like Meta's, against a real HTTP peer."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from http_double import HttpDouble
from outgoing import outgoing

from orchestrator.channels.base import Surroundings
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt
from orchestrator.channels.secret import Secret
from orchestrator.channels.whatsapp import WhatsappChannel, WhatsappSettings
from orchestrator.language.marks import Mark

MARK = Mark("playbooks/channels.yaml", 1, 1)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STAMP = str(int(AT.timestamp()))
TEMPLATE = {"name": "win_back", "language": {"code": "id"}, "components": []}


@pytest.fixture
def provider() -> Iterator[HttpDouble]:
    with HttpDouble() as double:
        double.answer(200, b'{"messaging_product": "whatsapp", "messages": [{"id": "wamid.1"}]}')
        yield double


@pytest.fixture
def channel(provider: HttpDouble) -> Iterator[WhatsappChannel]:
    names = ("token", "app_secret", "verify_token")
    secrets: dict[str, Any] = {
        name: Secret("env", name, MARK, _text=f"{name}-text") for name in names
    }
    settings = WhatsappSettings(
        mark=MARK, marks={}, phone_number_id="77", url=provider.url, region="ID", **secrets
    )
    opened = WhatsappChannel(settings, Surroundings(project="shop", folder=Path()))
    yield opened
    opened.close()


def chat(**more: Any) -> Any:
    given = {"to": "+62 812 3456 7890", "text": json.dumps(TEMPLATE), "is_json": True}
    return outgoing("whatsapp", **{**given, **more})


def test_a_template_is_sent_with_our_key(provider: HttpDouble, channel: WhatsappChannel) -> None:
    outcome = channel.send(chat())

    assert (outcome.kind, outcome.provider_id) == ("accepted", "wamid.1")
    (request,) = provider.requests
    assert request.path == "/77/messages"
    assert request.headers["authorization"] == "Bearer token-text"
    assert json.loads(request.body) == {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "6281234567890",
        "biz_opaque_callback_data": chat().provider_key, "type": "template", "template": TEMPLATE,
    }  # fmt: skip


def test_a_text_and_a_whole_content_are_sent_as_they_are(
    provider: HttpDouble, channel: WhatsappChannel
) -> None:
    channel.send(chat(text="Halo", is_json=False))
    assert json.loads(provider.requests[-1].body)["text"]["body"] == "Halo"
    channel.send(
        chat(text=json.dumps({"type": "image", "image": {"link": "https://x.example/a.png"}}))
    )
    assert json.loads(provider.requests[-1].body)["image"]["link"] == "https://x.example/a.png"


def test_a_template_that_is_no_object_is_rejected(
    provider: HttpDouble, channel: WhatsappChannel
) -> None:
    assert channel.send(chat(text="[1]")).code == "bad_template"
    assert provider.requests == []


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [(400, 131026, "rejected", False), (400, 131050, "rejected", True), (400, 131049, "rejected", False),
     (400, 132001, "rejected", False), (400, 131056, "deferred", False), (429, 130429, "deferred", False),
     (400, 80007, "deferred", False), (503, 131016, "deferred", False), (401, 190, "refused", False),
     (403, 10, "refused", False), (403, 368, "refused", False), (500, 131000, "unknown", False),
     (400, 131048, "deferred", False), (400, 613, "deferred", False), (400, 80008, "deferred", False),
     (400, 33, "refused", False), (400, 131037, "refused", False), (403, 130497, "rejected", False)],
)  # fmt: skip
def test_what_an_error_means(
    provider: HttpDouble, channel: WhatsappChannel, status: int, code: int, kind: str, dead: bool
) -> None:
    provider.answer(status, json.dumps({"error": {"code": code, "message": "for 62812"}}).encode())

    outcome = channel.send(chat())
    assert (outcome.kind, outcome.is_dead_address) == (kind, dead)
    assert "62812" not in (outcome.detail or "")


def test_a_number_of_ours_that_is_not_there_costs_no_message(
    provider: HttpDouble, channel: WhatsappChannel
) -> None:
    provider.answer(400, b'{"error": {"code": 100, "error_subcode": 33}}')
    assert channel.send(chat()).kind == "refused"
    provider.answer(400, b'{"error": {"code": 100}}')
    assert channel.send(chat()).kind == "rejected"


def test_meta_is_asked_about_our_number(provider: HttpDouble, channel: WhatsappChannel) -> None:
    assert channel.check() == []
    (request,) = provider.requests
    assert (request.method, request.path) == ("GET", "/77")
    assert request.headers["authorization"] == "Bearer token-text"
    provider.answer(401, b'{"error": {"code": 190}}')
    assert channel.check() == ["190: the provider does not let us in"]


@pytest.mark.parametrize("status", [404, 302])
def test_a_url_where_no_provider_is_is_told_without_a_message(
    provider: HttpDouble, channel: WhatsappChannel, status: int
) -> None:
    provider.answer(status, b"<html>")

    mistyped = "; perhaps the provider's url is mistyped"
    assert channel.check() == [f"HTTP {status}{mistyped}"]
    asked = [(one.method, one.path) for one in provider.requests]
    assert asked == [("GET", "/77"), ("OPTIONS", "/77/messages")]
    outcome = channel.send(chat())
    assert (outcome.kind, str(outcome.detail).endswith(mistyped)) == ("refused", True)
    provider.answer(404, b'{"error": {"code": 2500}}')
    assert channel.check() == []
    assert channel.send(chat()).detail == "error 2500"


def test_a_success_without_an_id_leaves_a_doubt(
    provider: HttpDouble, channel: WhatsappChannel
) -> None:
    provider.answer(200, b'{"messages": []}')
    assert channel.send(chat()).kind == "unknown"
    provider.answer(200, b'{"messages": [{"id": "w1"}], "error": {"code": 131000}}')
    assert channel.send(chat()).kind == "unknown"


# --- callbacks ------------------------------------------------------------------------


def callback(value: Any, proof: str | None = None) -> Callback:
    body = json.dumps({"entry": [{"changes": [{"value": value}]}]}).encode()
    signed = "sha256=" + hmac.new(b"app_secret-text", body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": signed if proof is None else proof}
    return Callback("POST", "https://shop.example/receipts/whatsapp", headers, body, NOW)


def test_statuses_are_read_with_their_own_time(channel: WhatsappChannel) -> None:
    statuses = [
        {"id": "wamid.1", "status": "read", "timestamp": STAMP, "biz_opaque_callback_data": "KEY7"},
        {"id": "wamid.2", "status": "failed", "timestamp": STAMP, "errors": [{"code": 131026}]},
        {"id": "wamid.3", "status": "warning", "timestamp": STAMP},
    ]
    assert channel.receipts(callback({"statuses": statuses})) == [
        Receipt("opened", AT, "whatsapp:wamid.1:read", "KEY7", "wamid.1"),
        Receipt("failed", AT, "whatsapp:wamid.2:failed", None, "wamid.2", code="131026"),
    ]


def test_answers_of_people_are_read_and_stop_is_heard(channel: WhatsappChannel) -> None:
    messages = [
        {
            "id": "wamid.8",
            "from": "62812",
            "timestamp": STAMP,
            "type": "text",
            "text": {"body": "BERHENTI"},
        },
        {"id": "wamid.9", "from": "62813", "timestamp": "soon", "type": "image"},
    ]
    assert channel.receipts(callback({"messages": messages})) == [
        Receipt("unsubscribed", AT, "whatsapp:wamid.8", address="+62812"),
        Receipt("replied", NOW, "whatsapp:wamid.9", address="+62813"),
    ]


@pytest.mark.parametrize("proof", ["", "sha256=00", "sha256=é", "md5=aa"])
def test_a_forged_callback_is_refused(channel: WhatsappChannel, proof: str) -> None:
    with pytest.raises(ForgedCallback):
        channel.receipts(callback({}, proof))


def test_odd_callbacks_that_are_proved_are_errors_or_nothing(channel: WhatsappChannel) -> None:
    assert channel.receipts(callback([1, 2])) == []
    assert channel.receipts(callback({"statuses": "x", "messages": [3]})) == []


def test_the_handshake_is_answered_to_who_knows_the_word(channel: WhatsappChannel) -> None:
    def asked(query: str) -> str | None:
        return channel.handshake(
            Callback("GET", f"https://shop.example/receipts/whatsapp?{query}", {}, b"", NOW)
        )

    assert asked("hub.mode=subscribe&hub.verify_token=verify_token-text&hub.challenge=42") == "42"
    assert asked("hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=42") is None
    assert asked("hub.challenge=42") is None
