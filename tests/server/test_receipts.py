from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import Shop
from ledger import greeted, handed_over, key_of, rows
from sending import KEYS
from serving import Served, path_of, served
from sqlalchemy import Engine, text

from orchestrator.database import open_engine
from orchestrator.server import gate, protocol
from orchestrator.server.readers import MOST_RECEIPTS

CHANNELS = """
channels:
  sms: {account: env:SMS_ACCOUNT, token: env:SMS_TOKEN, from: '+15005550006'}
  whatsapp:
    phone_number_id: '1'
    token: env:WHATSAPP_TOKEN
    app_secret: env:WHATSAPP_SECRET
    verify_token: env:WHATSAPP_VERIFY
"""
SECRETS = {
    "SMS_ACCOUNT": "AC" + "0" * 32,
    "SMS_TOKEN": "t" * 32,
    "WHATSAPP_TOKEN": "w" * 32,
    "WHATSAPP_SECRET": "s" * 32,
    "WHATSAPP_VERIFY": "v" * 32,
}
FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: welcome, channel: sms, topic: texts}]
"""
PHONE = "+436641234567"


@pytest.fixture
def server(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with texting(shop, monkeypatch) as running:
        yield running


@pytest.fixture
def plain(sqlite_engine: Engine, tmp_path: Path) -> Shop:
    """A shop for what does not come as far as a database."""
    (tmp_path / "plain").mkdir()
    return Shop(sqlite_engine, tmp_path / "plain")


@pytest.fixture
def front(plain: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with texting(plain, monkeypatch) as running:
        yield running


@contextmanager
def texting(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    greeted(shop, "ana", flow=FLOW, phone=PHONE)
    handed_over(shop.engine, "ana", channel="sms", provider="sms", state="in_doubt")
    shop.write(channels=CHANNELS)
    with served(shop) as running:
        yield running


def twilio(path: str, form: dict[str, str], base: str = "https://shop.example") -> dict[str, str]:
    """Return the headers of a callback as Twilio signs it: over the public URL and the form."""
    signed = base + path + "".join(name + form[name] for name in sorted(form))
    digest = hmac.digest(SECRETS["SMS_TOKEN"].encode(), signed.encode(), hashlib.sha1)
    return {"x-twilio-signature": base64.b64encode(digest).decode()}


def texted(server: Served, form: dict[str, str], path: str = "/receipts/sms") -> httpx.Response:
    return server.client.post(path, data=form, headers=twilio(path, form))


def meta(body: bytes, secret: str = SECRETS["WHATSAPP_SECRET"]) -> dict[str, str]:
    """Return the headers of a callback as Meta signs it: over the raw body."""
    digest = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    return {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}


def sent_by_meta(*statuses: dict[str, Any]) -> bytes:
    return json.dumps({"entry": [{"changes": [{"value": {"statuses": statuses}}]}]}).encode()


def of_ana(status: str, **more: str) -> tuple[str, dict[str, str]]:
    key = KEYS.provider_key(key_of("ana", "sms"))
    return f"/receipts/sms?key={key}", {"MessageSid": "SM1", "MessageStatus": status, **more}


def test_a_receipt_is_durable_before_it_is_answered(server: Served, shop: Shop) -> None:
    path, form = of_ana("delivered")
    assert texted(server, form, path).status_code == 200
    assert rows(shop.engine, "SELECT kind, message, channel FROM receipt") == [
        ("delivered", "welcome", "sms")
    ]
    assert rows(shop.engine, "SELECT state FROM message") == [("sent",)]
    assert server.count('clm_receipts_total{channel="sms",kind="delivered"}') == 1
    assert [event for event, _ in server.said] == ["receipts"]
    assert PHONE not in str(server.said)


def test_again_and_in_any_order_it_changes_nothing(server: Served, shop: Shop) -> None:
    for status in ("delivered", "sent", "delivered", "sent"):
        path, form = of_ana(status)
        assert texted(server, form, path).status_code == 200
    kinds = [kind for (kind,) in rows(shop.engine, "SELECT kind FROM receipt ORDER BY kind")]
    assert kinds == ["accepted", "delivered"]


def test_the_first_word_about_a_fact_holds(server: Served, shop: Shop) -> None:
    path, form = of_ana("undelivered", ErrorCode="30003")
    texted(server, form, path)
    before = rows(shop.engine, "SELECT * FROM receipt")
    assert texted(server, {**form, "ErrorCode": "30005"}, path).status_code == 200
    assert rows(shop.engine, "SELECT * FROM receipt") == before


def test_stop_ends_all_marketing_of_the_number(server: Served, shop: Shop) -> None:
    form = {"MessageSid": "SM2", "Body": " Stop ", "From": PHONE, "SmsStatus": "received"}
    assert texted(server, form).status_code == 200
    left = "SELECT topic FROM consent WHERE withdrawn = 1 ORDER BY 1"
    assert rows(shop.engine, left) == [("news",), ("texts",)]


def test_what_nobody_knows_is_answered_and_kept_out(server: Served, shop: Shop) -> None:
    assert texted(server, {"MessageSid": "SM9", "MessageStatus": "delivered"}).status_code == 200
    assert rows(shop.engine, "SELECT count(*) FROM receipt") == [(0,)]
    assert server.count('clm_receipts_total{channel="sms",kind="unknown"}') == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-twilio-signature": ""},
        {"x-twilio-signature": "AAAA"},
        {"x-twilio-signature": "é".encode().decode("latin-1")},
        twilio("/receipts/sms", {"MessageSid": "SM1"}, base="http://shop.example"),
        twilio("/receipts/sms?key=x", {"MessageSid": "SM1"}),
        twilio("/receipts/sms", {"MessageSid": "SM2"}),
    ],
)
def test_a_callback_that_anybody_could_have_sent_is_refused(
    front: Served, headers: dict[str, str]
) -> None:
    answer = front.client.post(
        "/receipts/sms",
        data={"MessageSid": "SM1"},
        headers={name.encode(): value.encode("latin-1") for name, value in headers.items()},
    )
    assert (answer.status_code, answer.text) == (401, "refused\n")
    assert front.count('clm_callbacks_refused_total{channel="sms"}') == 1


GOOD = sent_by_meta({"id": "wamid.1", "status": "read", "timestamp": "1772445600"})
SIGNED = {
    "re-serialised": (json.dumps(json.loads(GOOD), indent=1).encode(), meta(GOOD)),
    "another secret": (GOOD, meta(GOOD, "x" * 32)),
    "no secret": (GOOD, meta(GOOD, "")),
    "truncated": (GOOD, {"x-hub-signature-256": meta(GOOD)["x-hub-signature-256"][:-2]}),
    "other algorithm": (
        GOOD,
        {"x-hub-signature-256": meta(GOOD)["x-hub-signature-256"].replace("sha256", "none")},
    ),
}


@pytest.mark.parametrize("case", SIGNED.values(), ids=SIGNED)
def test_a_signature_is_of_these_octets_by_this_secret(
    front: Served, case: tuple[bytes, dict[str, str]]
) -> None:
    body, headers = case
    assert front.client.post("/receipts/whatsapp", content=body, headers=headers).status_code == 401
    answer = front.client.post("/receipts/whatsapp", content=GOOD, headers=meta(GOOD))
    assert answer.status_code == 200


UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "half a character": b'{"entry": "\xff\xfe"}',
    "a surrogate": b'{"entry": [{"changes": [{"value": {"messages": [{"id": "\\ud800"}]}}]}]}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 80_000 + b"1" + b"}" * 80_000,
    "a list": b"[1, 2, 3]",
    "a number": b"1e999",
    "NaN": b'{"entry": NaN}',
    "a name twice": b'{"entry": [], "entry": {"a": 1}}',
    "10,000 names": json.dumps({f"k{number}": number for number in range(10_000)}).encode(),
    "5,000 digits": b'{"entry": ' + b"9" * 5_000 + b"}",
    "odd types": b'{"entry": [{"changes": [{"value": {"statuses": [{"id": {}, "status": "read", '
    b'"timestamp": [], "errors": [{"code": {}}]}], "messages": [{"text": 5, "from": []}]}}]}]}',
    "far years": b'{"entry": [{"changes": [{"value": {"statuses": [{"id": "a", "status": "read", '
    b'"timestamp": "99999999999999999999"}]}}]}]}',
    "text": b"hello",
    "form": b"a=b&c=d",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_or_passed_over(
    front: Served, plain: Shop, body: bytes
) -> None:
    answer = front.client.post("/receipts/whatsapp", content=body, headers=meta(body))
    assert answer.status_code in (200, 400)
    assert answer.text in ("ok\n", "unreadable\n")
    assert rows(plain.engine, "SELECT count(*) FROM receipt") == [(0,)]
    assert [event for event, _ in front.said if event == "crashed"] == []


def test_as_much_as_a_provider_may_put_together_is_taken(front: Served, plain: Shop) -> None:
    body = sent_by_meta(*[{"id": f"wamid.{n}", "status": "read"} for n in range(MOST_RECEIPTS)])
    answer = front.client.post("/receipts/whatsapp", content=body, headers=meta(body))
    assert answer.status_code == 200
    assert "callback_too_long" not in [event for event, _ in front.said]


def test_too_much_at_once_is_refused(front: Served, plain: Shop) -> None:
    one = {"id": "wamid.1", "status": "read"}
    body = sent_by_meta(*[one] * (MOST_RECEIPTS + 1))
    answer = front.client.post("/receipts/whatsapp", content=body, headers=meta(body))
    assert answer.status_code == 413
    assert rows(plain.engine, "SELECT count(*) FROM receipt") == [(0,)]
    assert "callback_too_long" in [event for event, _ in front.said]
    body = b" " * (gate.LARGEST_BODY + 1)
    assert front.client.post("/receipts/whatsapp", content=body).status_code == 413


def test_an_endless_body_ends(front: Served) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    with suppress(httpx.TransportError):  # the server may hang up before all is said
        assert front.client.post("/receipts/whatsapp", content=endless()).status_code == 413
    assert sent < 16 * 1024 * 1024
    assert front.client.get("/healthz").status_code == 200


def test_what_is_compressed_is_not_unpacked(front: Served) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    headers = {**meta(bomb), "content-encoding": "gzip"}
    answer = front.client.post("/receipts/whatsapp", content=bomb, headers=headers)
    assert answer.status_code == 415


def test_a_header_twice_is_refused_before_an_adapter_sees_it(front: Served) -> None:
    (name, value), *_ = meta(GOOD).items()
    twice = [(name, value), (name, "sha256=" + "0" * 64)]
    for headers in (twice, twice[::-1]):
        answer = front.client.post("/receipts/whatsapp", content=GOOD, headers=headers)
        assert answer.status_code == 400


def test_set_up_is_answered_to_who_knows_the_word(front: Served) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    right = front.client.get(
        "/receipts/whatsapp", params={**asked, "hub.verify_token": SECRETS["WHATSAPP_VERIFY"]}
    )
    assert (right.status_code, right.text) == (200, "1158201444")
    assert right.headers["content-type"].startswith("text/plain")
    wrong = front.client.get("/receipts/whatsapp", params={**asked, "hub.verify_token": "x"})
    assert wrong.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/receipts/email", 404),
        ("POST", "/receipts/nothing", 404),
        ("GET", "/receipts/sms", 404),
        ("POST", "/receipts/..%2fhealthz", 404),
        ("PUT", "/receipts/sms", 405),
        ("DELETE", "/receipts/sms", 405),
        ("TRACE", "/u/x", 405),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/metrics", 404),
    ],
)
def test_nothing_else_is_there(front: Served, method: str, path: str, status: int) -> None:
    assert front.client.request(method, path).status_code == status


def _left_open(front: Served, octets: bytes) -> float:
    """Send part of a request and wait; return after how many seconds the server hung up."""
    url = front.client.base_url
    with socket.create_connection((url.host, url.port or 0), timeout=20) as raw:
        raw.sendall(octets)
        began = time.monotonic()
        while raw.recv(65_536):
            pass
        return time.monotonic() - began


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"POST /receipts/sms HTTP/1.1\r\nhost: x\r\nx-a: ",
        b"POST /receipts/sms HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf",
        b"POST /u/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /heal",
    ],
    ids=["nothing", "head", "body", "chunk", "second request"],
)
def test_who_does_not_get_to_the_point_is_hung_up_on(
    plain: Shop, octets: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    greeted(plain, "ana")
    with served(plain) as front:
        _left_open(front, octets)  # returns at all: the socket's own patience would raise
        assert front.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 5_000 + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: " + b"9" * 4_000 + b"\r\n\r\n",
        b"GET /%00%ff\r\n\r\n",
    ],
    ids=["headers", "path", "TLS", "lengths", "length and chunks", "endless length", "no version"],
)
def test_what_is_no_request_does_not_disturb_others(plain: Shop, octets: bytes) -> None:
    greeted(plain, "ana")
    with served(plain) as front:
        url = front.client.base_url
        with socket.create_connection((url.host, url.port or 0), timeout=20) as raw:
            raw.sendall(octets)
            answer = raw.recv(65_536)
        assert b"Traceback" not in answer
        assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
        assert front.client.get("/healthz").status_code == 200


def _told(front: Served, octets: Iterable[bytes]) -> int:
    """Send octets on one connection without reading; return how many it took."""
    url, taken = front.client.base_url, 0
    with socket.create_connection((url.host, url.port or 0), timeout=20) as raw, suppress(OSError):
        for some in octets:
            raw.sendall(some)
            taken += len(some)
    return taken


def test_requests_are_not_taken_in_faster_than_they_are_answered(front: Served) -> None:
    many = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 30_000
    assert _told(front, [many] * 64) < 32 * len(many)
    url, answered = front.client.base_url, b""
    with socket.create_connection((url.host, url.port or 0), timeout=20) as raw:
        raw.sendall(many[: len(many) // 10_000])
        while answered.count(b"HTTP/1.1 200 OK") < 3:
            answered += raw.recv(65_536)


def test_a_body_in_crumbs_is_refused(front: Served) -> None:
    def body(pieces: int) -> Iterator[bytes]:
        for _ in range(pieces):
            yield b" "

    client = front.client
    assert client.post("/receipts/whatsapp", content=body(100)).status_code == 401
    with suppress(httpx.TransportError):  # the server hangs up before all is said
        assert client.post("/receipts/whatsapp", content=body(5_000)).status_code == 400
    head = b"POST /receipts/sms HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    crumbs = b"1\r\nx\r\n" * 100_000
    assert _told(front, [head, *[crumbs] * 20]) < 10 * len(crumbs)
    assert client.get("/healthz").status_code == 200


def test_customers_can_leave_while_callbacks_wait_for_an_import(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_engine(postgres_url), tmp_path)
    importing = text("LOCK TABLE customer IN SHARE UPDATE EXCLUSIVE MODE")
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with texting(shop, monkeypatch) as front, ThreadPoolExecutor(120) as providers:

        def delivered(number: int) -> int:
            path, form = of_ana("delivered")
            form["MessageSid"] = f"SM{number}"
            url = str(front.client.base_url.join(path))
            return httpx.post(url, data=form, headers=twilio(path, form), timeout=60).status_code

        with shop.engine.begin() as connection:
            connection.execute(importing)
            callbacks = [providers.submit(delivered, number) for number in range(100)]
            while not connection.scalar(waiting):
                time.sleep(0.05)
            with httpx.Client(base_url=front.client.base_url, timeout=60) as customer:
                left = [customer.post(path_of(shop, "ana")) for _ in range(3)]
            assert [answer.status_code for answer in left] == [200] * 3
            assert not any(callback.done() for callback in callbacks)
        assert {callback.result() for callback in callbacks} == {200}


def test_a_missing_secret_costs_the_callbacks_of_its_channel_and_they_come_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with texting(shop, monkeypatch) as server:
        monkeypatch.delenv("SMS_TOKEN")
        path, form = of_ana("delivered")
        assert texted(server, form, path).status_code == 503
        assert server.client.get("/receipts/sms").status_code == 503
        assert [event for event, _ in server.said] == ["callback_not_read"] * 2
        body = sent_by_meta()
        assert server.client.post("/receipts/whatsapp", content=body, headers=meta(body)).is_success
        monkeypatch.setenv("SMS_TOKEN", SECRETS["SMS_TOKEN"])
        assert texted(server, form, path).status_code == 200
    assert rows(shop.engine, "SELECT kind FROM receipt") == [("delivered",)]
