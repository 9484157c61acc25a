"""Text messages over an API like Twilio's, against a real HTTP peer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from freezegun import freeze_time
from http_double import HttpDouble, answering, at_paths
from outgoing import outgoing

from orchestrator.channels.base import Surroundings
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt
from orchestrator.channels.secret import Secret
from orchestrator.channels.segments import segments
from orchestrator.channels.sms import SmsChannel, SmsSettings
from orchestrator.language.marks import Mark

MARK = Mark("playbooks/channels.yaml", 1, 1)
HERE = Surroundings(project="shop", folder=Path(), base_url="https://shop.example/m")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def provider() -> Iterator[HttpDouble]:
    with HttpDouble() as double:
        double.answer(201, b'{"sid": "SM1", "status": "queued"}')
        yield double


@pytest.fixture
def channel(provider: HttpDouble) -> Iterator[SmsChannel]:
    opened = made(provider.url)
    yield opened
    opened.close()


def made(url: str, **more: Any) -> SmsChannel:
    secrets: dict[str, Any] = {
        name: Secret("env", name, MARK, _text=f"{name}-text") for name in ("account", "token")
    }
    given: dict[str, Any] = {"from_": "+4312345", "region": "AT", **more}
    return SmsChannel(SmsSettings(mark=MARK, marks={}, url=url, **secrets, **given), HERE)


def text(**more: Any) -> Any:
    return outgoing("sms", **{"to": "+43 664 1234567", **more})


def posted(provider: HttpDouble) -> dict[str, str]:
    return {
        name: values[0] for name, values in parse_qs(provider.requests[-1].body.decode()).items()
    }


def test_one_request_carries_the_message_and_who_we_are(
    provider: HttpDouble, channel: SmsChannel
) -> None:
    outcome = channel.send(text(text="Grüß Gott & bis bald"))

    assert (outcome.kind, outcome.provider_id) == ("accepted", "SM1")
    (request,) = provider.requests
    assert request.path == "/2010-04-01/Accounts/account-text/Messages.json"
    assert base64.b64decode(request.headers["authorization"][6:]) == b"account-text:token-text"
    sent = posted(provider)
    assert (sent["To"], sent["From"], sent["Body"]) == (
        "+436641234567",
        "+4312345",
        "Grüß Gott & bis bald",
    )
    assert sent["StatusCallback"].startswith("https://shop.example/m/receipts/sms?key=ABCDEF")
    assert "ValidityPeriod" not in sent


@freeze_time("2026-03-02T09:00:00Z", tick=True)
@pytest.mark.parametrize(
    ("expires", "valid"),
    [
        (datetime(2026, 3, 2, 9, 10, tzinfo=UTC), "599"),
        (datetime(2026, 3, 9, 9, tzinfo=UTC), "36000"),
    ],
)
def test_the_provider_drops_it_when_its_time_is_over(
    provider: HttpDouble, channel: SmsChannel, expires: datetime, valid: str
) -> None:
    channel.send(text(expires_at=expires))

    assert posted(provider)["ValidityPeriod"] == valid


@freeze_time("2026-03-02T09:00:00Z", tick=True)
def test_what_has_expired_is_not_sent(provider: HttpDouble, channel: SmsChannel) -> None:
    assert channel.send(text(expires_at=datetime(2026, 3, 2, 9, tzinfo=UTC))).code == "expired"
    assert provider.requests == []


def test_a_run_of_another_day_goes_by_that_days_clock(
    provider: HttpDouble, channel: SmsChannel
) -> None:
    channel.surroundings = replace(HERE, clock=lambda: NOW)
    assert channel.send(text(expires_at=NOW + timedelta(hours=1))).kind == "accepted"
    assert posted(provider)["ValidityPeriod"] == "3600"
    assert channel.send(text(expires_at=NOW)).code == "expired"


def test_a_messaging_service_stands_for_a_number(provider: HttpDouble) -> None:
    channel = made(provider.url, messaging_service="MG7", from_=None)
    channel.send(text())
    channel.close()

    assert posted(provider)["MessagingServiceSid"] == "MG7"
    assert "From" not in posted(provider)
    assert channel.sender_of(text()) == "MG7"


@pytest.mark.parametrize(
    ("number", "sent"), [("0664 1234567", "+436641234567"), ("+6281234567890", "+6281234567890")]
)
def test_numbers_without_a_country_are_those_of_the_region(
    provider: HttpDouble, channel: SmsChannel, number: str, sent: str
) -> None:
    channel.send(text(to=number))
    assert posted(provider)["To"] == sent


@pytest.mark.parametrize("number", ["12", "abc", "+999999999999999999", "6.28E+12"])
def test_what_is_no_number_is_not_sent_to(
    provider: HttpDouble, channel: SmsChannel, number: str
) -> None:
    assert channel.send(text(to=number)).code == "bad_number"
    assert provider.requests == []


def test_a_message_of_too_many_segments_is_dead_rather_than_dear(provider: HttpDouble) -> None:
    channel = made(provider.url, most_segments=2)

    assert channel.send(text(text="x" * 307)).code == "too_long"
    assert channel.send(text(text="x" * 306)).kind == "accepted"
    channel.close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [(400, 21211, "rejected", True), (400, 21610, "rejected", True), (400, 21408, "rejected", False),
     (400, 21611, "deferred", False), (429, 20429, "deferred", False), (401, 20003, "refused", False),
     (400, 21606, "refused", False), (404, 20404, "refused", False), (500, 20500, "unknown", False), (503, 20503, "deferred", False),
     (400, 21635, "rejected", True), (400, 21730, "deferred", False), (400, 10001, "refused", False),
     *((400, ours, "refused", False) for ours in (21212, 21603, 21609, 21657, 21659, 21661, 21701, 21702, 21704, 21709))],
)  # fmt: skip
def test_what_an_error_means(
    provider: HttpDouble, channel: SmsChannel, status: int, code: int, kind: str, dead: bool
) -> None:
    provider.answer(
        status, json.dumps({"code": code, "message": "to +43664", "status": status}).encode()
    )

    outcome = channel.send(text())
    assert (outcome.kind, outcome.is_dead_address, outcome.code) == (kind, dead, str(code))
    assert "+43664" not in (outcome.detail or "")


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [({"status": "queued"}, "accepted", None), ({"status": "accepted", "error_code": None}, "accepted", None),
     ({"status": "failed", "error_code": 30034}, "rejected", "30034"), ({"status": "failed"}, "rejected", "failed")],
)  # fmt: skip
def test_a_success_that_tells_of_a_failure_is_none(
    provider: HttpDouble, channel: SmsChannel, said: dict[str, Any], kind: str, code: str | None
) -> None:
    provider.answer(201, json.dumps({"sid": "SM1", **said}).encode())

    outcome = channel.send(text())
    assert (outcome.kind, outcome.code) == (kind, code)


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [(200, b'{"sid": "AC1"}', []), (401, b'{"code": 20003}', ["20003: the provider does not let us in"]),
     (404, b'{"code": 20404}', ["20404: the provider does not let us in"]), (501, b"", [])],
)  # fmt: skip
def test_the_provider_is_asked_whether_it_lets_us_in(
    provider: HttpDouble, channel: SmsChannel, status: int, body: bytes, wrong: list[str]
) -> None:
    provider.answer(status, body)
    assert channel.check() == wrong
    (request,) = provider.requests
    asked = (request.method, request.path)
    assert asked == ("GET", "/2010-04-01/Accounts/account-text.json")
    assert base64.b64decode(request.headers["authorization"][6:]) == b"account-text:token-text"


MESSAGES = "/2010-04-01/Accounts/account-text/Messages.json"
MISTYPED = "; perhaps the provider's url is mistyped"


@pytest.mark.parametrize("status", [404, 301, 302, 308])
def test_a_url_where_no_provider_is_is_told_without_a_message(
    provider: HttpDouble, channel: SmsChannel, status: int
) -> None:
    provider.answer(status, b"<html>", Location="/elsewhere")

    assert channel.check() == [f"HTTP {status}{MISTYPED}"]
    assert [one.method for one in provider.requests] == ["GET", "OPTIONS"]
    outcome = channel.send(text())
    assert outcome.kind == "refused", "no message is at fault"
    assert str(outcome.detail).endswith(MISTYPED)


@pytest.mark.parametrize("status", [200, 204, 400, 401, 405, 501])
def test_a_server_that_knows_messages_alone_is_no_wrong_url(
    provider: HttpDouble, channel: SmsChannel, status: int
) -> None:
    provider.script = at_paths({f"OPTIONS {MESSAGES}": answering(status)}, answering(404))

    assert channel.check() == []


def test_a_message_that_the_provider_itself_does_not_find_is_no_wrong_url(
    provider: HttpDouble, channel: SmsChannel
) -> None:
    provider.answer(404, b'{"code": 21999}')

    assert channel.check() == []
    assert channel.send(text()).detail == "error 21999"


def test_a_provider_that_has_too_much_says_when_to_ask_again(
    provider: HttpDouble, channel: SmsChannel
) -> None:
    provider.script = answering(429, b'{"code": 20429}', **{"Retry-After": "120"})

    outcome = channel.send(text())
    assert (outcome.kind, outcome.code, outcome.fault) == ("deferred", "20429", "message")
    assert outcome.retry_after == timedelta(seconds=120)


def test_a_provider_that_is_not_there_is_told() -> None:
    channel = made("https://127.0.0.1:1")
    (wrong,) = channel.check()
    assert wrong == "127.0.0.1:1 cannot be reached: Connection refused"
    assert channel.send(text()).detail == wrong
    channel.close()


def test_a_success_that_cannot_be_read_leaves_a_doubt(
    provider: HttpDouble, channel: SmsChannel
) -> None:
    provider.answer(201, b"<html>")
    assert channel.send(text()).kind == "unknown"


# --- callbacks ------------------------------------------------------------------------

URL = "https://shop.example/m/receipts/sms?key=KEY7"


def callback(form: dict[str, str], **headers: str) -> Callback:
    signed = URL + "".join(name + form[name] for name in sorted(form))
    proof = base64.b64encode(
        hmac.new(b"token-text", signed.encode(), hashlib.sha1).digest()
    ).decode()
    given = {"x-twilio-signature": proof, **headers}
    return Callback("POST", URL, given, urlencode(form).encode(), NOW)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"MessageSid": "SM1", "MessageStatus": "delivered"}, Receipt("delivered", NOW, "twilio:SM1:delivered", "KEY7", "SM1")),
        ({"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30005"}, Receipt("bounced", NOW, "twilio:SM1:undelivered", "KEY7", "SM1", is_permanent=True, code="30005")),
        ({"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "30008"}, Receipt("failed", NOW, "twilio:SM1:failed", "KEY7", "SM1", code="30008")),
        ({"MessageSid": "SM2", "From": "+43664", "Body": "Stop!"}, Receipt("unsubscribed", NOW, "twilio:SM2", address="+43664")),
        ({"MessageSid": "SM2", "From": "+43664", "Body": "thanks"}, Receipt("replied", NOW, "twilio:SM2", address="+43664")),
    ],
)  # fmt: skip
def test_a_callback_is_read(channel: SmsChannel, form: dict[str, str], told: Receipt) -> None:
    assert channel.receipts(callback(form)) == [told]


def test_what_is_on_its_way_tells_nothing(channel: SmsChannel) -> None:
    assert channel.receipts(callback({"MessageSid": "SM1", "MessageStatus": "sending"})) == []


def test_a_forged_callback_is_refused(channel: SmsChannel) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    for headers in (
        {"x-twilio-signature": ""},
        {"x-twilio-signature": "AAAA"},
        {"x-twilio-signature": "é"},
    ):
        with pytest.raises(ForgedCallback):
            channel.receipts(callback(form, **headers))
    other = Callback("POST", URL + "x", callback(form).headers, callback(form).body, NOW)
    with pytest.raises(ForgedCallback):
        channel.receipts(other)


# --- segments -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "encoding", "count", "left"),
    [("", "GSM-7", 1, 160), ("x" * 160, "GSM-7", 1, 0), ("x" * 161, "GSM-7", 2, 145),
     ("x" * 306, "GSM-7", 2, 0), ("x" * 307, "GSM-7", 3, 152), ("€" * 80, "GSM-7", 1, 0),
     ("€" * 81, "GSM-7", 2, 143), ("ü" * 160, "GSM-7", 1, 0), ("ş" * 70, "UCS-2", 1, 0),
     ("ş" * 71, "UCS-2", 2, 63), ("😀" * 35, "UCS-2", 1, 0), ("😀" * 36, "UCS-2", 2, 61)],
)  # fmt: skip
def test_how_a_text_is_split(written: str, encoding: str, count: int, left: int) -> None:
    found = segments(written)
    assert (found.encoding, found.count, found.left) == (encoding, count, left)


def test_a_character_of_two_units_is_never_torn_apart() -> None:
    # 66 units, then one that needs two: it begins the next segment
    assert segments("ş" * 66 + "😀" + "ş" * 66).count == 3


def test_what_makes_it_dear_is_named() -> None:
    assert segments("price: 5 ş „now“ ş").culprits == ("ş", "„", "“")
