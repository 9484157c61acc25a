"""Providers over HTTP that fail at every stage: what each adapter makes of it, and that it ends.

Every adapter with a wire meets every fault. What it may say is what is true: ``deferred`` only if
the message surely was not taken, ``unknown`` wherever it may have been.
"""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from certificates import Authority
from channels.test_push import VAPID, account, pem, subscription
from http_peers import ENDLESS, Fault, Peer, peer
from outgoing import outgoing

from orchestrator.channels.base import Channel
from orchestrator.channels.chat import ChatChannel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.push import PushChannel
from orchestrator.channels.sms import SmsChannel
from orchestrator.channels.webhook import WebhookChannel
from orchestrator.channels.whatsapp import WhatsappChannel
from orchestrator.delivery.hearing import heard
from orchestrator.testing.channels import adapter_of

PATIENT, IMPATIENT = timedelta(seconds=20), timedelta(seconds=2)
"""How long an attempt may take; the latter of providers that would go on without end."""
SECRETS = {"ACCOUNT": "AC-canary-1", "TOKEN": "token-canary-1", "APP": "app-canary-1"}
CONTENT = "Kopi menunggu canary-content."
PHONE = "+436641234567"
ADAPTERS = ("sms", "whatsapp", "firebase", "web_push", "webhook")
READERS = ("sms", "whatsapp", "firebase")
"""Those whose provider names the message in the body of its answer."""


@contextmanager
def adapter(
    name: str, url: str, folder: Path, timeout: timedelta
) -> Iterator[tuple[Channel, OutgoingMessage]]:
    """Yield an adapter whose provider is at that address, and a message for it."""
    with peer(Fault(answer("200 OK", b'{"access_token": "T", "expires_in": 3600}'))) as tokens:
        made, message = _made(name, url, folder, tokens.url, timeout)
        try:
            yield made, message
        finally:
            made.close()


def _made(
    name: str, url: str, folder: Path, tokens: str, timeout: timedelta
) -> tuple[Channel, OutgoingMessage]:
    secrets = {**SECRETS, "SERVICE": account(tokens), "VAPID": pem(VAPID)}
    classes: dict[str, tuple[type[Channel], str]] = {
        "sms": (
            SmsChannel,
            f"{{url: '{url}', account: 'env:ACCOUNT', token: 'env:TOKEN', from: '+4312345'}}",
        ),
        "whatsapp": (
            WhatsappChannel,
            f"{{url: '{url}', phone_number_id: '77', token: 'env:TOKEN', app_secret: 'env:APP'}}",
        ),
        "firebase": (
            PushChannel, f"{{firebase: {{service_account: 'env:SERVICE', url: '{url}'}}}}"
        ),
        "web_push": (
            PushChannel,
            "{web_push: {key: 'env:VAPID', contact: 'mailto:a@shop.example', allow: [127.0.0.0/8]}}",
        ),
        "webhook": (WebhookChannel, "{secret: 'env:TOKEN', allow: [127.0.0.0/8]}"),
    }  # fmt: skip
    cls, words = classes[name]
    made = adapter_of(cls, words, folder=folder, secrets=secrets, timeout=timeout)
    match name:
        case "firebase":
            return made, outgoing("push", to="app-token-canary", text=CONTENT)
        case "web_push":
            at = type("At", (), {"url": url})
            return made, outgoing("push", to=subscription(at), text=CONTENT)  # type: ignore[arg-type]  # it has a url
        case "webhook":
            return made, outgoing("webhook", to=f"{url}/hook", fields={"note": CONTENT})
    return made, outgoing(name, to=PHONE, text=CONTENT)


class Case(NamedTuple):
    """A fault, and what an adapter may say of it."""

    fault: Fault
    kinds: str
    """Of an adapter that reads the answer's body."""
    others: str | None = None
    """Of one that need not; None is the same."""


def answer(status: str, body: bytes = b"{}", *headers: bytes, length: int | None = None) -> bytes:
    """Return an answer; its length is the body's, unless it is said to be another."""
    lines = [f"HTTP/1.1 {status}".encode(), *headers]
    lines.append(b"Content-Length: %d" % (len(body) if length is None else length))
    return b"\r\n".join([*lines, b"", body])


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BROKEN = {
    # before the request was whole
    "reset at once": Case(Fault(after="connected", then="reset"), "deferred unknown"),
    "closed at once": Case(Fault(after="connected"), "deferred unknown"),
    "reset after the head": Case(Fault(after="head", then="reset"), "deferred unknown"),
    "refused after the head": Case(
        Fault(answer("503 No", length=0), after="head", then="reset"), "deferred unknown"
    ),
    # after it
    "closed without a word": Case(Fault(), "unknown"),
    "reset without a word": Case(Fault(then="reset"), "unknown"),
    "closed in the first line": Case(Fault(b"HTTP/1.1 2"), "unknown"),
    "closed in the head": Case(Fault(OK + b"Content-Le"), "unknown"),
    "reset in the head": Case(Fault(OK + b"Content-Le", then="reset"), "unknown"),
    "closed in the body": Case(Fault(answer("200 OK", b'{"sid": "S', length=400)), "unknown"),
    "reset in the body": Case(
        Fault(answer("200 OK", b'{"sid": "S', length=400), then="reset"), "unknown"
    ),
    "closed in a chunk": Case(Fault(CHUNKED + b'20\r\n{"sid":'), "unknown"),
    "closed between chunks": Case(Fault(CHUNKED + b"2\r\n{}\r\n"), "unknown"),
    "no length of a chunk": Case(Fault(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"), "unknown"),
    # slow for ever
    "silence": Case(Fault(then="silence"), "unknown"),
    "silence in the head": Case(Fault(OK + b"X-A: ", then="silence"), "unknown"),
    "silence in the body": Case(
        Fault(answer("200 OK", b"{", length=400), then="silence"), "unknown"
    ),
    "a first line that drips": Case(Fault(b"HTTP/1.1 200 ", then="drip"), "unknown"),
    "a head that drips": Case(Fault(OK + b"X-A: ", then="drip"), "unknown"),
    "lines of a head that drip": Case(
        Fault(OK, then="drip", again=b"X-A: b\r\n"), "unknown"
    ),
    "a body that drips": Case(Fault(answer("200 OK", b"{", length=90_000), then="drip"), "unknown"),
    "chunks that drip": Case(Fault(CHUNKED, then="drip", again=b"1\r\n \r\n"), "unknown"),
    "promises that drip": Case(
        Fault(then="drip", again=b"HTTP/1.1 103 Early Hints\r\n\r\n"), "unknown"
    ),
    # fast for ever
    "an endless first line": Case(Fault(b"HTTP/1.1 200 ", then="flood"), "unknown"),
    "an endless line of a head": Case(Fault(OK + b"X-A: ", then="flood"), "unknown"),
    "endless lines of a head": Case(Fault(OK, then="flood", again=b"X-A: b\r\n"), "unknown"),
    "endless promises": Case(Fault(then="flood", again=b"HTTP/1.1 100 Go on\r\n\r\n"), "unknown"),
    "an endless body": Case(Fault(OK + b"\r\n", then="flood"), "unknown", "accepted"),
    "endless chunks": Case(
        Fault(CHUNKED, then="flood", again=b"1\r\n \r\n"), "unknown", "accepted unknown"
    ),
    "an endless trailer": Case(
        Fault(CHUNKED + b"0\r\n", then="flood", again=b"X-A: b\r\n"), "unknown"
    ),
    # no HTTP, or bad HTTP
    "another protocol": Case(Fault(b"SSH-2.0-OpenSSH_9.6\r\n"), "unknown"),
    "HTTP/2 unasked": Case(Fault(b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18), "unknown"),
    "no number": Case(Fault(b"HTTP/1.1 abc Ok\r\n\r\n"), "unknown"),
    "a NUL in the head": Case(Fault(OK + b"X-A: \0\r\n\r\n"), "unknown"),
    "a name of a header with a space": Case(Fault(OK + b"X A: b\r\n\r\n"), "unknown"),
    "two lengths": Case(
        Fault(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), "unknown"
    ),
    "a length below nothing": Case(Fault(OK + b"Content-Length: -2\r\n\r\n{}"), "unknown"),
    "a length beyond everything": Case(
        Fault(OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}"), "unknown"
    ),
}  # fmt: skip
TRIED_EVERYWHERE = ("silence", "a body that drips", "endless promises")
"""Those without end that each adapter meets; the others cost two seconds each, and one meets them."""
ELSEWHERE = [
    case for case in BROKEN if case in TRIED_EVERYWHERE or BROKEN[case].fault.then not in ENDLESS
]
GARBLED = {
    "nothing": b"",
    "no UTF-8": b"\xff\xfe{\xff",
    "a page": b"<!doctype html><title>Welcome</title>",
    "half an object": b'{"sid": "SM1", "name": "x", "messages": [{"id": "w',
    "a list": b"[1, 2]",
    "a number": b"17",
    "null": b"null",
    "other names": b'{"ok": true}',
    "empty names": b'{"sid": "", "name": "", "messages": [{"id": ""}]}',
    "other kinds": b'{"sid": 5, "name": {}, "messages": {"id": 1}}',
    "too deep": b"[" * 100_000,
    "a number without end": b'{"sid": ' + b"9" * 6_000 + b"}",
    "packed": gzip.compress(b'{"sid": "SM1", "name": "x", "messages": [{"id": "w"}]}'),
}
STATUSES = {
    "301 Moved": "rejected", "302 Found": "rejected", "303 Other": "rejected",
    "307 There": "rejected", "308 For good": "rejected", "304 Same": "rejected",
    "400 Bad": "rejected", "401 Who": "refused", "403 No": "refused", "404 Where": "rejected",
    "405 How": "rejected", "408 Slow": "deferred", "410 Gone": "rejected", "413 Big": "rejected",
    "402 Pay": "rejected", "407 Proxy": "rejected", "421 Astray": "rejected",
    "422 What": "rejected", "426 Newer": "rejected", "425 Early": "deferred", "429 Many": "deferred", "500 Oops": "unknown",
    "501 No": "unknown", "502 Bad": "unknown", "503 Busy": "deferred", "504 Late": "unknown",
    "599 Odd": "unknown", "999 Odd": "unknown",
}  # fmt: skip


NO_MESSAGE_S_FAULT = {
    "301", "302", "303", "304", "307", "308", "402", "404", "405", "407", "421", "426",
}  # fmt: skip
"""Of a provider whose address is one for all messages, if it says nothing of its own."""


def patience(fault: Fault) -> timedelta:
    return IMPATIENT if fault.then in ENDLESS else PATIENT


def sent(name: str, at: Peer, folder: Path) -> Outcome:
    """Send one message, and see that what came of it tells nothing that it must not."""
    twice = 2 if name == "firebase" else 1  # it has half of the time for its token
    with adapter(name, at.url, folder, twice * patience(at.fault)) as (made, message):
        found = made.send(message)
    assert found.kind == heard(found, message, made).kind
    told = repr(found)
    for secret in (*SECRETS.values(), CONTENT, "canary", PHONE.removeprefix("+"), message.to):
        assert secret not in told
    return found


@pytest.mark.parametrize(
    ("case", "name"),
    [
        (case, name)
        for case, (fault, _, _) in BROKEN.items()
        for name in ADAPTERS
        if name == "sms" or case in TRIED_EVERYWHERE or fault.then not in ENDLESS
    ],
)
def test_what_comes_of_a_message_when_its_provider_fails(
    case: str, name: str, tmp_path: Path
) -> None:
    fault, kinds, others = BROKEN[case]
    expected = kinds if name in READERS else others or kinds
    with peer(fault) as provider:
        found = sent(name, provider, tmp_path)
        assert provider.was_left()

    assert found.kind in expected.split()
    if fault.after == "whole":
        assert len(provider.requests) == 1


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("body", GARBLED)
def test_a_success_that_cannot_be_read_leaves_a_doubt_where_it_must_be_read(
    name: str, body: str, tmp_path: Path
) -> None:
    packed = (b"Content-Encoding: gzip",) if body == "packed" else ()
    with peer(Fault(answer("200 OK", GARBLED[body], *packed))) as provider:
        found = sent(name, provider, tmp_path)

    assert found.kind == ("unknown" if name in READERS else "accepted")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("status", STATUSES)
def test_what_each_status_means_and_no_other_address_is_called(
    name: str, status: str, tmp_path: Path
) -> None:
    with peer(Fault(answer("200 OK"))) as elsewhere:
        there = f"Location: {elsewhere.url}/secret".encode()
        body = b"" if status.startswith("304") else b'{"error": "for canary@person.example"}'
        with peer(Fault(answer(status, body, there, b"Retry-After: 7"))) as provider:
            found = sent(name, provider, tmp_path)

    is_refused = name in READERS and status[:3] in NO_MESSAGE_S_FAULT
    assert found.kind == ("refused" if is_refused else STATUSES[status])
    assert (len(provider.requests), elsewhere.requests) == (1, [])
    if status.startswith(("429", "503")):
        assert found.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("status", ["404 Where", "429 Many", "500 Oops", "503 Busy"])
def test_a_refusal_that_breaks_off_is_never_taken_for_a_success(
    name: str, status: str, tmp_path: Path
) -> None:
    with peer(Fault(answer(status, b'{"err', length=400), then="reset")) as provider:
        found = sent(name, provider, tmp_path)

    assert found.kind in ("unknown", STATUSES[status], "refused" if status[:3] == "404" else "")


# --- TLS ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def trusted(authority: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine trust the authority."""
    path = folder / "authorities.pem"
    path.write_text(authority.pem, encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


GOOD = answer("200 OK", b'{"sid": "SM1", "name": "m/1", "messages": [{"id": "w1"}]}')


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_provider_with_the_right_certificate_is_spoken_to(
    name: str, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted(authority, tmp_path, monkeypatch)
    with peer(Fault(GOOD), authority.server(tmp_path, "127.0.0.1")) as provider:
        assert sent(name, provider, tmp_path).kind == "accepted"


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize(
    ("host", "days", "trusts", "says"),
    [
        ("127.0.0.1", 36_500, False, "certificate"),
        ("provider.example", 36_500, True, "certificate"),
        ("127.0.0.1", 1, True, "certificate has expired"),
    ],
    ids=["unknown authority", "another host", "expired"],
)
def test_a_wrong_certificate_ends_the_attempt_before_anything_is_said(
    name: str, host: str, days: int, trusts: bool, says: str, tmp_path: Path,
    authority: Authority, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if trusts:
        trusted(authority, tmp_path, monkeypatch)
    shows = authority.server(tmp_path, host, timedelta(days=days))
    with peer(Fault(GOOD), shows) as provider:
        found = sent(name, provider, tmp_path)

    fault = "domain" if name == "web_push" else "provider"  # one of the services of browsers
    assert (found.kind, found.fault, provider.requests) == ("deferred", fault, [])
    assert says in str(found.detail)


NO_TLS = {
    "plain text": Fault(GOOD, after="connected"),
    "closed": Fault(after="connected"),
    "reset": Fault(after="connected", then="reset"),
    "silence": Fault(after="connected", then="silence"),
    "dripping": Fault(b"\x16\x03\x03\x40\x00", after="connected", then="drip", again=b"\0"),
    "flooding": Fault(b"\x16\x03\x03\x40\x00", after="connected", then="flood", again=b"\0"),
}


# One that is reset before its handshake leaves the standard library's socket to the collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
@pytest.mark.parametrize(
    ("how", "name"),
    [
        (how, name)
        for how in NO_TLS
        for name in ADAPTERS
        if name == "sms" or NO_TLS[how].then not in ENDLESS
    ],
)
def test_tls_that_does_not_come_about_is_not_done_without(
    how: str, name: str, tmp_path: Path
) -> None:
    fault = NO_TLS[how]
    with peer(fault) as provider:
        secured = type(
            "Secured", (), {"url": provider.url.replace("http:", "https:"), "fault": fault}
        )
        found = sent(name, secured, tmp_path)  # type: ignore[arg-type]  # it has a url
        assert provider.was_left()

    assert found.kind == "deferred"


def test_an_old_version_of_tls_is_not_spoken(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted(authority, tmp_path, monkeypatch)
    shows = authority.server(tmp_path, "127.0.0.1")
    with pytest.warns(DeprecationWarning, match="TLSVersion"):
        shows.maximum_version = ssl.TLSVersion.TLSv1_1
    with peer(Fault(GOOD), shows) as provider:
        found = sent("sms", provider, tmp_path)

    assert (found.kind, provider.requests) == ("deferred", [])


# --- the token of Firebase ------------------------------------------------------------


def tokenless(fault: Fault, folder: Path) -> tuple[Outcome, list[bytes]]:
    """Send over a Firebase whose tokens come from a peer that fails."""
    with peer(fault) as tokens, peer(Fault(GOOD)) as provider:
        made, message = _made("firebase", provider.url, folder, tokens.url, patience(fault))
        try:
            found = made.send(message)
        finally:
            made.close()
        assert tokens.was_left()
        return found, provider.requests


@pytest.mark.parametrize("case", ELSEWHERE)
def test_nothing_is_sent_without_a_token(case: str, tmp_path: Path) -> None:
    found, arrived = tokenless(BROKEN[case].fault, tmp_path)

    assert (found.kind, found.fault, arrived) == ("deferred", "provider", [])


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        *((answer("200 OK", body), "deferred") for body in GARBLED.values()),
        (answer("200 OK", b'{"access_token": "a\\r\\nX-Evil: 1"}'), "deferred"),
        (answer("200 OK", json.dumps({"access_token": "\u20ac\0"}).encode()), "deferred"),
        (answer("200 OK", b'{"access_token": ["T"]}'), "deferred"),
        (answer("400 No", b'{"error": "invalid_grant"}'), "refused"),
        (answer("401 No"), "refused"),
        (answer("403 No"), "refused"),
        (answer("302 There"), "refused"),
        (answer("429 Many"), "deferred"),
        (answer("500 Oops"), "deferred"),
        (answer("503 Busy", b"{}", b"Retry-After: 7"), "deferred"),
    ],
)
def test_what_an_answer_without_a_token_means(says: bytes, kind: str, tmp_path: Path) -> None:
    found, arrived = tokenless(Fault(says), tmp_path)

    assert (found.kind, arrived) == (kind, [])


# --- chats, over Apprise ---------------------------------------------------------------


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_call_of_apprise_ends_in_time(case: str, tmp_path: Path) -> None:
    """Apprise may go on by itself, and may take for an answer what is hardly one."""
    fault = BROKEN[case].fault
    with peer(fault) as provider:
        words, room = "{address: 'env:ROOM'}", provider.url.replace("http:", "json:") + "/canary"
        chat = adapter_of(
            ChatChannel, words, folder=tmp_path, secrets={"ROOM": room}, timeout=patience(fault)
        )
        found = chat.send(outgoing("chat", text=CONTENT))

    assert found.kind == "unknown" or fault.says.startswith(OK)
    assert "canary" not in repr(found)
