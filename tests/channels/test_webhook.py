"""Calls of flows: signed, the same octets at every attempt, their answers as plain values."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from http_double import HttpDouble
from outgoing import outgoing

from orchestrator.channels.base import Surroundings
from orchestrator.channels.secret import Secret
from orchestrator.channels.webhook import WebhookChannel, fields_of, signature
from orchestrator.channels.webhook_settings import WebhookSettings
from orchestrator.errors import EnvironmentFault
from orchestrator.language.marks import Mark

HERE = Surroundings(project="shop", folder=Path())
MARK = Mark("playbooks/channels.yaml", 1, 1)


@pytest.fixture
def provider() -> Iterator[HttpDouble]:
    with HttpDouble() as double:
        yield double


@pytest.fixture
def channel() -> Iterator[WebhookChannel]:
    secret = Secret("env", "HOOK", MARK, _text="whsec_" + base64.b64encode(b"k" * 24).decode())
    settings = WebhookSettings(mark=MARK, marks={}, secret=secret, allow=("127.0.0.0/8",))
    opened = WebhookChannel(settings, HERE)
    yield opened
    opened.close()


@pytest.mark.parametrize("text", ["whsec_", "whsec_abc", "whsec_###", "whsec_a-b_", "whsec_ YWJj"])
def test_a_secret_that_holds_no_key_is_refused_when_the_channel_is_opened(text: str) -> None:
    secret = Secret("env", "HOOK", MARK, _text=text)

    with pytest.raises(EnvironmentFault, match="a secret cannot be used") as fault:
        WebhookChannel(WebhookSettings(mark=MARK, marks={}, secret=secret), HERE)

    assert fault.value.help == "playbooks/channels.yaml:1:1 asks for env:HOOK"
    assert text == "whsec_" or text not in str(fault.value)


def call(provider: HttpDouble, **more: Any) -> Any:
    given = {
        "to": f"{provider.url}/points",
        "message": "points",
        "fields": {"points": 50, "why": "gut & schön"},
    }
    return outgoing("webhook", **{**given, **more})


def test_it_posts_an_object_with_what_the_step_sends_along(
    provider: HttpDouble, channel: WebhookChannel
) -> None:
    provider.answer(200, b'{"balance": 120, "tier": "gold", "list": [1], "ok": true, "none": null}')

    outcome = channel.send(call(provider))
    assert (outcome.kind, outcome.fields) == (
        "accepted",
        {"balance": "120", "tier": "gold", "ok": "true"},
    )
    (request,) = provider.requests
    assert json.loads(request.body) == {
        "type": "points",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {
            "customer": "c_1",
            "flow": "welcome",
            "step": "hello",
            "entry": 1,
            "with": {"points": 50, "why": "gut & schön"},
        },
    }


@freeze_time("2026-03-02T09:00:05Z", tick=True)
def test_it_is_signed_by_standard_webhooks(provider: HttpDouble, channel: WebhookChannel) -> None:
    message = call(provider)
    channel.send(message)

    (request,) = provider.requests
    headers = request.headers
    assert headers["webhook-id"] == headers["idempotency-key"] == message.provider_key
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.new(b"k" * 24, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_signature_is_that_of_the_specifications_example() -> None:
    """The example of the Standard Webhooks libraries."""
    said = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_another_attempt_has_the_same_octets_and_id(
    provider: HttpDouble, channel: WebhookChannel
) -> None:
    message = call(provider)
    channel.send(message)
    channel.send(replace(message, attempt=2, possible_duplicate=True))

    first, second = provider.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_private_address_is_never_called(provider: HttpDouble) -> None:
    channel = WebhookChannel(WebhookSettings(mark=MARK, marks={}), HERE)

    outcome = channel.send(call(provider))
    assert (outcome.kind, outcome.code) == ("rejected", "unreachable")
    assert provider.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, "accepted"),
        (404, "rejected"),
        (410, "rejected"),
        (429, "deferred"),
        (500, "unknown"),
        (503, "deferred"),
    ],
)
def test_what_its_answer_means(
    provider: HttpDouble, channel: WebhookChannel, status: int, kind: str
) -> None:
    provider.answer(status, b"" if status == 204 else b"oops")

    assert channel.send(call(provider)).kind == kind


def test_a_conflict_with_an_earlier_attempt_is_no_refusal(
    provider: HttpDouble, channel: WebhookChannel
) -> None:
    provider.answer(409, b"{}")

    assert channel.send(call(provider)).kind == "rejected"
    assert channel.send(call(provider, attempt=2)).kind == "unknown"


@pytest.mark.parametrize("answered", [None, [], "text", 5])
def test_an_answer_that_is_no_object_brings_nothing(answered: Any) -> None:
    assert fields_of(answered) == {}
