"""Push messages to apps and browsers, against real HTTP peers that open what they get."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from freezegun import freeze_time
from http_double import HttpDouble, answering
from outgoing import outgoing

from orchestrator.channels.push import PushChannel
from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault
from orchestrator.testing.channels import HttpProvider, adapter_of, exercise_channel

APP = rsa.generate_private_key(65537, 2048)
VAPID = ec.generate_private_key(ec.SECP256R1())
BROWSER = ec.generate_private_key(ec.SECP256R1())
AUTH = os.urandom(16)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.UncompressedPoint
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    octets: bytes = key.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    )
    return octets.decode()


def subscription(provider: HttpDouble, **changed: Any) -> str:
    keys = {"p256dh": base64url(point(BROWSER)), "auth": base64url(AUTH)}
    return json.dumps({"endpoint": f"{provider.url}/push/abc", "keys": keys, **changed})


@pytest.fixture
def provider() -> Iterator[HttpDouble]:
    with HttpDouble() as double:

        def script(handler: Any) -> None:
            if handler.path == "/token":
                answering(200, b'{"access_token": "T-1", "expires_in": 3600}')(handler)
            elif handler.path.startswith("/push/"):
                answering(201, b"", Location="/message/7")(handler)
            else:
                answering(200, b'{"name": "projects/shop/messages/1"}')(handler)

        double.script = script
        yield double


def account(url: str) -> str:
    return json.dumps({
        "project_id": "shop", "client_email": "bot@shop.example", "private_key": pem(APP),
        "token_uri": f"{url}/token",
    })  # fmt: skip


def made(url: str, folder: Path, words: str = "", **secrets: str) -> PushChannel:
    settings = words or (
        f"{{firebase: {{service_account: 'env:ACCOUNT', url: '{url}'}}, "
        "web_push: {key: 'env:VAPID', contact: 'mailto:push@shop.example', allow: [127.0.0.0/8]}}"
    )
    known = {"ACCOUNT": account(url), "VAPID": pem(VAPID), **secrets}
    return adapter_of(PushChannel, settings, folder=folder, secrets=known)


@pytest.fixture
def channel(provider: HttpDouble, tmp_path: Path) -> Iterator[PushChannel]:
    opened = made(provider.url, tmp_path)
    yield opened
    opened.close()


def push(to: str = "app-token", **more: Any) -> Any:
    return outgoing("push", **{"to": to, "subject": "Halo", "text": "Kopi menunggu.", **more})


# --- apps -----------------------------------------------------------------------------


def test_an_app_is_sent_to_over_firebase_with_a_token_of_the_account(
    provider: HttpDouble, channel: PushChannel
) -> None:
    outcome = channel.send(push())

    assert (outcome.kind, outcome.provider_id) == ("accepted", "projects/shop/messages/1")
    asked, sent = provider.requests
    claim = jwt.decode(
        parse_qs(asked.body.decode())["assertion"][0],
        APP.public_key(),
        ["RS256"],
        audience=f"{provider.url}/token",
    )
    assert claim["iss"] == "bot@shop.example"
    assert claim["scope"].endswith("firebase.messaging")
    assert sent.path == "/v1/projects/shop/messages:send"
    assert sent.headers["authorization"] == "Bearer T-1"
    said = json.loads(sent.body)["message"]
    assert (said["token"], said["notification"]) == (
        "app-token",
        {"title": "Halo", "body": "Kopi menunggu."},
    )
    key = push().provider_key
    assert (
        said["android"]["collapse_key"],
        said["apns"]["headers"]["apns-collapse-id"],
        said["data"]["clm_key"],
    ) == (key, key, key)


def test_the_token_is_kept_until_it_is_refused(provider: HttpDouble, channel: PushChannel) -> None:
    channel.send(push())
    channel.send(push())
    assert [one.path for one in provider.requests].count("/token") == 1
    ordinary = provider.script
    provider.script = answering(401, b'{"error": {"status": "UNAUTHENTICATED"}}')
    assert channel.send(push()).kind == "refused"
    provider.script = ordinary
    assert channel.send(push()).kind == "accepted"
    assert [one.path for one in provider.requests].count("/token") == 2


@pytest.mark.parametrize(
    "lasts", ["9" * 400, "1e400", "NaN", "-5", "true", '"3600"', "null", "{}", "1000000"]
)
def test_a_token_that_lasts_for_no_time_that_makes_sense_is_used_and_renewed(
    provider: HttpDouble, channel: PushChannel, lasts: str
) -> None:
    ordinary = provider.script
    token = answering(200, b'{"access_token": "T-1", "expires_in": %s}' % lasts.encode())

    def script(handler: Any) -> None:
        (token if handler.path == "/token" else ordinary)(handler)

    provider.script = script
    assert [channel.send(push()).kind for _ in range(2)] == ["accepted", "accepted"]
    assert [one.path for one in provider.requests].count("/token") == 1


@freeze_time(NOW, tick=True)
def test_the_provider_drops_it_when_its_time_is_over(
    provider: HttpDouble, channel: PushChannel
) -> None:
    channel.send(push(expires_at=NOW + timedelta(hours=1)))

    said = json.loads(provider.requests[-1].body)["message"]
    assert int(said["android"]["ttl"].removesuffix("s")) in range(3590, 3601)
    assert int(said["webpush"]["headers"]["TTL"]) in range(3590, 3601)
    assert said["apns"]["headers"]["apns-expiration"] == str(int(NOW.timestamp()) + 3600)
    assert channel.send(push(expires_at=NOW)).code == "expired"


def test_what_expires_later_than_the_provider_keeps_it_is_taken(
    provider: HttpDouble, channel: PushChannel
) -> None:
    channel.surroundings = replace(channel.surroundings, clock=lambda: NOW)
    assert channel.send(push(expires_at=NOW + timedelta(days=60))).kind == "accepted"

    said = json.loads(provider.requests[-1].body)["message"]
    assert said["android"]["ttl"] == "2419200s"
    assert said["webpush"]["headers"]["TTL"] == "2419200"


def test_a_run_of_another_day_goes_by_that_days_clock(
    provider: HttpDouble, channel: PushChannel
) -> None:
    channel.surroundings = replace(channel.surroundings, clock=lambda: NOW)
    assert channel.send(push(expires_at=NOW + timedelta(hours=1))).kind == "accepted"

    said = json.loads(provider.requests[-1].body)["message"]
    assert said["android"]["ttl"] == "3600s"
    left = int(said["apns"]["headers"]["apns-expiration"]) - utcnow().timestamp()
    assert 3500 < left <= 3600  # Apple goes by its own clock
    assert channel.send(push(expires_at=NOW)).code == "expired"


def test_a_json_template_says_all_it_wants(provider: HttpDouble, channel: PushChannel) -> None:
    printed = {
        "notification": {"title": "A"},
        "data": {"open": "/cart"},
        "android": {"priority": "high"},
    }
    channel.send(push(text=json.dumps(printed), is_json=True))

    said = json.loads(provider.requests[-1].body)["message"]
    assert said["data"] == {"open": "/cart", "clm_key": push().provider_key}
    assert said["android"]["priority"] == "high"
    assert channel.send(push(text="[]", is_json=True)).code == "bad_template"


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [(404, "UNREGISTERED", "rejected", True), (403, "SENDER_ID_MISMATCH", "rejected", True),
     (400, "INVALID_ARGUMENT", "rejected", False), (401, "THIRD_PARTY_AUTH_ERROR", "refused", False),
     (429, "QUOTA_EXCEEDED", "deferred", False), (503, "UNAVAILABLE", "deferred", False),
     (500, "INTERNAL", "unknown", False), (403, "PERMISSION_DENIED", "refused", False)],
)  # fmt: skip
def test_what_firebase_answers_means(
    provider: HttpDouble, channel: PushChannel, status: int, code: str, kind: str, dead: bool
) -> None:
    channel.send(push())
    provider.answer(status, json.dumps({"error": {"details": [{"errorCode": code}]}}).encode())

    outcome = channel.send(push())
    assert (outcome.kind, outcome.is_dead_address, outcome.code) == (kind, dead, code)


def test_without_a_token_nothing_was_sent(provider: HttpDouble, channel: PushChannel) -> None:
    provider.answer(500)
    assert channel.send(push()).kind == "deferred"
    provider.answer(400, b'{"error": "invalid_grant"}')
    assert channel.send(push()).kind == "refused"
    assert channel.check() == ["no access token: HTTP 400"]
    provider.answer(200, b'{"access_token": "T"}')
    assert channel.check() == []


def test_a_firebase_url_where_nothing_is_is_told_without_a_message(
    provider: HttpDouble, channel: PushChannel
) -> None:
    mistyped = ["HTTP 404; perhaps the provider's url is mistyped"]
    channel.send(push())
    provider.answer(404, b"<html>")
    provider.requests.clear()

    assert channel.check() == mistyped
    assert {one.method for one in provider.requests} == {"OPTIONS"}
    outcome = channel.send(push())
    assert (outcome.kind, [outcome.detail]) == ("refused", mistyped)
    provider.answer(405)
    assert channel.check() == []


# --- browsers -------------------------------------------------------------------------


@freeze_time(NOW, tick=True)
def test_a_browser_is_sent_what_only_it_can_open(
    provider: HttpDouble, channel: PushChannel
) -> None:
    outcome = channel.send(push(subscription(provider), expires_at=NOW + timedelta(hours=1)))

    assert (outcome.kind, outcome.provider_id) == ("accepted", "/message/7")
    (request,) = provider.requests
    opened = http_ece.decrypt(
        request.body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm"
    )
    assert json.loads(opened) == {"title": "Halo", "body": "Kopi menunggu."}
    assert int(request.headers["ttl"]) in range(3590, 3601)
    assert request.headers["topic"] == push().provider_key[:32]
    assert b"Kopi" not in request.body


def test_a_push_service_knows_who_we_are(provider: HttpDouble, channel: PushChannel) -> None:
    channel.send(push(subscription(provider)))

    scheme, _, rest = provider.requests[0].headers["authorization"].partition(" ")
    said = dict(part.split("=", 1) for part in rest.split(", "))
    assert (scheme, said["k"]) == ("vapid", base64url(point(VAPID)))
    claim = jwt.decode(said["t"], VAPID.public_key(), ["ES256"], audience=provider.url)
    assert claim["sub"] == "mailto:push@shop.example"


@pytest.mark.parametrize(
    ("status", "kind", "dead"),
    [
        (404, "rejected", True),
        (410, "rejected", True),
        (413, "rejected", False),
        (429, "deferred", False),
        (403, "refused", False),
        (500, "unknown", False),
    ],
)
def test_what_a_push_service_answers_means(
    provider: HttpDouble, channel: PushChannel, status: int, kind: str, dead: bool
) -> None:
    provider.answer(status, b"")

    outcome = channel.send(push(subscription(provider)))
    assert (outcome.kind, outcome.is_dead_address) == (kind, dead)
    assert outcome.fault != "provider", "the customer has named the push service"


@pytest.mark.parametrize(
    "changed", [{"keys": {}}, {"keys": {"p256dh": "AAAA", "auth": "AAAA"}}, {"endpoint": 5}, {"keys": {"p256dh": base64url(b"\x04" + b"\x01" * 64), "auth": base64url(AUTH)}}]
)  # fmt: skip
def test_a_broken_subscription_is_a_dead_address(
    provider: HttpDouble, channel: PushChannel, changed: Any
) -> None:
    outcome = channel.send(push(subscription(provider, **changed)))
    assert (outcome.kind, outcome.is_dead_address) == ("rejected", True)
    assert provider.requests == []


def test_a_subscription_does_not_lead_inside(provider: HttpDouble, tmp_path: Path) -> None:
    words = "{web_push: {key: 'env:VAPID', contact: 'mailto:a@shop.example'}}"
    inside = made(provider.url, tmp_path, words)

    assert inside.send(push(subscription(provider))).code == "unreachable"
    outcome = inside.send(push())
    assert (outcome.kind, outcome.code) == ("rejected", "no_firebase")
    assert "no firebase in channels.yaml" in (outcome.detail or "")
    assert provider.requests == []
    inside.close()


def test_what_is_not_configured_costs_its_own_messages_alone(
    provider: HttpDouble, tmp_path: Path
) -> None:
    words = f"{{firebase: {{service_account: 'env:ACCOUNT', url: '{provider.url}'}}}}"
    apps = made(provider.url, tmp_path, words)

    outcome = apps.send(push(subscription(provider)))
    assert (outcome.kind, outcome.code) == ("rejected", "no_web_push")
    assert not outcome.is_dead_address
    assert "no web_push in channels.yaml" in (outcome.detail or "")
    assert apps.send(push()).kind == "accepted"
    apps.close()


def test_a_raw_key_is_taken_too_and_no_key_is_named(provider: HttpDouble, tmp_path: Path) -> None:
    number = VAPID.private_numbers().private_value.to_bytes(32)
    raw = made(provider.url, tmp_path, VAPID=base64url(number))
    assert raw.send(push(subscription(provider))).kind == "accepted"
    raw.close()
    for secrets in ({"VAPID": "nonsense"}, {"VAPID": pem(APP)}, {"ACCOUNT": "{}"}):
        with pytest.raises(EnvironmentFault, match=r"web_push\.key|service_account"):
            made(provider.url, tmp_path, **secrets)


def test_four_thousand_octets_are_the_most(channel: PushChannel) -> None:
    assert channel.send(push(text="x" * 4_090)).code == "too_large"


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    with HttpDouble() as tokens, HttpProvider({"accept": (200, b'{"name": "m/1"}')}) as peer:
        tokens.answer(200, b'{"access_token": "T", "expires_in": 3600}')
        known = {"ACCOUNT": account(tokens.url)}
        words = f"{{firebase: {{service_account: 'env:ACCOUNT', url: '{peer.url}'}}}}"
        done = exercise_channel(
            lambda: adapter_of(
                PushChannel, words, folder=tmp_path, secrets=known, timeout=timedelta(seconds=1)
            ),
            peer,
        )
    assert done.left_out == ("no callbacks: receipts were not tried",)
