"""What providers say and callbacks bring comes out nowhere either, nor what crashes leave behind.

Providers here repeat addresses, texts and secrets in their answers, as real ones do; an adapter of
a package raises with them; a worker dies in a call; a server is told lies.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from brought import install_adapters
from canaries import (
    NAMES,
    PERSON,
    PERSONAL,
    PROJECT,
    SECRETS,
    columns_with,
    found_in,
    sign_up,
    write_project,
)
from http_peers import Fault, peer
from smtp_peers import scripted

from orchestrator.channels.sms import twilio_signature
from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow

CATALOG = """
events: {signed_up: {}}
attributes:
  first_name: {type: text, personal: true}
  city: {type: text, personal: true}
topics:
  news: marketing
  texts: {purpose: marketing, channels: [sms]}
  chats: {purpose: marketing, channels: [whatsapp]}
senders: {shop: "Shop <hello@shop.example>"}
webhooks: {crm: {url: "@HOOK@/in"}}
"""
CHANNELS = """
channels:
  email: {host: 127.0.0.1, port: @MAIL@, username: shop, password: env:SHOP_SMTP_PASSWORD, tls: none}
  sms: {url: "@SMS@", account: env:SHOP_SMS_ACCOUNT, token: env:SHOP_SMS_TOKEN, from: "+431234567"}
  whatsapp:
    url: "@META@"
    phone_number_id: "77"
    token: env:SHOP_META_TOKEN
    app_secret: env:SHOP_META_SECRET
    verify_token: env:SHOP_META_WORD
  webhook: {secret: env:SHOP_HOOK_SECRET, allow: [127.0.0.0/8]}
  push: {adapter: wail, beat: env:SHOP_WAIL, on_in_doubt: {marketing: resend}}
"""
FLOW = """
flow: greet
status: live
starts_when: {did: signed_up}
steps:
  - {send: hello, topic: news, channel: email}
  - {send: text, topic: texts, channel: sms}
  - {send: chat, topic: chats, channel: whatsapp}
  - {webhook: crm, with: {name: $customer.first_name}}
  - {send: wail, topic: news, channel: push}
  - {send: crash, topic: news, channel: push}
"""
TEMPLATES = {
    "hello/email.md.j2": "---\nsubject: 'Hi {{ customer.first_name }}'\n---\n{{ customer.email }}",
    "text/sms.txt.j2": "Hi {{ customer.first_name }}, {{ customer.phone }}",
    "chat/whatsapp.txt.j2": "Hi {{ customer.first_name }} of {{ customer.city }}",
    "wail/push.txt.j2": "---\nsubject: Hi\n---\n{{ customer.first_name }}",
    "crash/push.txt.j2": "---\nsubject: Hi\n---\n{{ customer.city }}",
}
PACKAGE = '''
import os, signal, time
from dataclasses import dataclass
from orchestrator.channels.api import Channel, ChannelSettings, Secret, SecretShape, word

@dataclass(frozen=True, kw_only=True)
class WailSettings(ChannelSettings):
    """Wails."""
    beat: Secret = word(SecretShape(), "The secret.")

class Wail(Channel):
    name = "wail"
    spec = None
    Settings = WailSettings

    def send(self, message):
        if message.message == "crash":
            time.sleep(2)  # the other channels have heard their providers by then
            os.kill(os.getpid(), signal.SIGKILL)
        beat = self.settings.beat.reveal()
        raise RuntimeError(f"{message.to} {message.text} {beat}")

    def check(self):
        return []
'''
TOLD = f"{PERSON['email']} {PERSON['phone']} {NAMES['first_name']} {SECRETS['SHOP_SMS_TOKEN']}"
ALLOWED = {
    "customer.email", "customer.phone", "customer.push_token", "attribute_value.text",
    "payload.content", "suppression.address",
}  # fmt: skip
"""Where a person's data belong; ``payload`` is what was frozen, until the message is done."""
LOOKED_AT = (
    ("outbox", "list"), ("outbox", "list", "-o", "json"), ("outbox", "in-doubt", "list"),
    *(("outbox", "show", str(number)) for number in range(1, 7)),
    *(("outbox", "show", str(number), "-o", "json") for number in range(1, 7)),
    ("channels", "list"), ("channels", "check"), ("status",), ("status", "-o", "json"),
    ("doctor",), ("doctor", "-o", "json"), ("explain", "c_1", "--flow", "greet"),
    *(("outbox", verb, str(number)) for verb in ("retry",) for number in range(1, 7)),
    *(("outbox", "in-doubt", "mark-sent", str(number)) for number in range(1, 7)),
)  # fmt: skip


def refusing(status: str, told: str) -> Fault:
    """Return a provider that repeats in its answer whatever it was sent."""
    body = json.dumps({"code": 21211, "message": told, "error": {"message": told}}).encode()
    lines = (f"HTTP/1.1 {status}", f"X-About: {told}", f"Content-Length: {len(body)}", "", "")
    return Fault("\r\n".join(lines).encode() + body)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose providers tell on people; its secrets are in the environment."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    package = tmp_path / "packages"
    (package / "wail-1.0.dist-info").mkdir(parents=True)
    (package / "wail.py").write_text(PACKAGE)
    (package / "wail-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: wail\nVersion: 1.0\n"
    )
    (package / "wail-1.0.dist-info" / "entry_points.txt").write_text(
        "[clmctl.channels]\nwail = wail:Wail\n"
    )
    install_adapters(monkeypatch, package)
    repeated = f"450 4.2.1 <{PERSON['email']}>, {PERSON['phone']}: Hi {NAMES['first_name']}"
    password = base64.b64encode(SECRETS["SHOP_SMTP_PASSWORD"].encode()).decode()
    replies = {"EHLO": "250-here\r\n250 AUTH PLAIN", "RCPT": f"{repeated} {password}"}
    with (
        scripted(replies) as mail,
        peer(refusing("400 No", TOLD)) as sms,
        peer(refusing("500 Oops", TOLD)) as meta,
        peer(refusing("422 What", TOLD)) as hook,
    ):
        places = {"MAIL": str(mail.port), "SMS": sms.url, "META": meta.url, "HOOK": hook.url}
        files = {
            "playbooks/project.yaml": PROJECT,
            "playbooks/catalog.yaml": CATALOG,
            "playbooks/channels.yaml": CHANNELS,
            "playbooks/flows/welcome.yaml": FLOW,
            **{f"templates/{name}": text for name, text in TEMPLATES.items()},
        }
        for name, place in places.items():
            files = {path: text.replace(f"@{name}@", place) for path, text in files.items()}
        yield write_project(tmp_path / "shop", files, ("news", "texts", "chats"))


def ran(folder: Path, *words: str) -> tuple[int, str]:
    """Run the command in a process of its own; return its exit code and all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *words, "--project", str(folder)],
        env=environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}


def iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def decided(folder: Path) -> list[str]:
    """Let messages be decided and sent until the worker is lost with the last; return the words."""
    now = utcnow()
    said = [ran(folder, "run", "--at", iso(now - timedelta(minutes=40)))[1]]
    sign_up(folder, now - timedelta(minutes=30))
    said.append(ran(folder, "run", "--at", iso(now - timedelta(minutes=20)))[1])
    codes = []
    for _ in range(3):
        code, words = ran(folder, "worker", "--drain", "--metrics", "off")
        codes.append(code)
        said.append(words)
        if code == 0:
            break
    assert -9 in codes, said
    return said


def states(folder: Path) -> dict[str, str]:
    with sqlite3.connect(folder / ".clm" / "clm.db") as file:
        found = dict(file.execute("SELECT message, state FROM message ORDER BY id"))
    file.close()
    return found


def left_behind(folder: Path) -> str:
    """Return all that stands in files of the project which nobody wrote by hand."""
    texts = []
    for path in folder.rglob("*"):
        is_ours = path.parts[len(folder.parts)] in ("playbooks", "templates")
        if path.is_file() and not is_ours and ".clm/clm.db" not in path.as_posix():
            texts.append(f"{path}\n{path.read_bytes().decode('latin-1')}")
    return "\n".join(texts)


@pytest.mark.slow
def test_what_providers_and_crashes_tell_comes_out_nowhere(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = {"worker": "\n".join(decided(folder))}
    ended = states(folder)
    for words in LOOKED_AT:
        code = answer([*words, "--project", str(folder)])
        captured = capfd.readouterr()
        told[" ".join(words)] = captured.out + captured.err
        assert code in (0, 1, 3, 4), (words, captured.err)

    assert ended["text"] in ("dead", "in_doubt")  # the latter if the crash came first after all
    assert ended["crm"] in ("failed", "queued")
    assert set(ended) == {"hello", "text", "chat", "crm", "wail", "crash"}
    for name, text in told.items():
        assert found_in(text) == set(), (name, text)
    assert found_in(left_behind(folder)) == set()
    assert columns_with(folder, SECRETS.values()) == set()
    assert columns_with(folder, PERSONAL) <= ALLOWED


# --- callbacks --------------------------------------------------------------------------


def key_of(folder: Path, message: str) -> str:
    with sqlite3.connect(folder / ".clm" / "clm.db") as file:
        (key,) = file.execute(
            "SELECT provider_key FROM message WHERE message = ?", (message,)
        ).fetchone()
    file.close()
    return str(key)


def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        number: int = found.getsockname()[1]
        return number


@contextmanager
def server(folder: Path) -> Iterator[tuple[httpx.Client, httpx.Client, list[str]]]:
    """Let the product answer; yields both its ends, and all it has said once it has ended."""
    outside, own = port(), port()
    words = ["serve", "--project", str(folder), "--port", str(outside)]
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", *words, "--metrics", f"127.0.0.1:{own}"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said: list[str] = []
    try:
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{outside}", timeout=20) as client,
            httpx.Client(base_url=f"http://127.0.0.1:{own}", timeout=20) as machine,
        ):
            until = time.monotonic() + 60
            while time.monotonic() < until:
                with suppress(httpx.TransportError):
                    client.get("/healthz")
                    break
                time.sleep(0.1)
            yield client, machine, said
    finally:
        process.terminate()
        said.append(process.communicate(timeout=60)[0])


def meta(client: httpx.Client, body: bytes, secret: str) -> httpx.Response:
    proof = "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    return client.post("/receipts/whatsapp", content=body, headers={"x-hub-signature-256": proof})


def value(**found: object) -> bytes:
    return json.dumps({"entry": [{"changes": [{"value": found}]}]}).encode()


def called_back(client: httpx.Client, folder: Path) -> list[httpx.Response]:
    """Send callbacks that are good, forged, and garbage, and follow links that are none."""
    secret, number = SECRETS["SHOP_META_SECRET"], PERSON["phone"].removeprefix("+")
    status = {"id": "wamid.1", "status": "failed", "recipient_id": number, "timestamp": "1772445600",
              "biz_opaque_callback_data": key_of(folder, "chat"),
              "errors": [{"code": 131026, "message": TOLD, "error_data": {"details": TOLD}}]}  # fmt: skip
    said = {"id": "wamid.2", "from": number, "timestamp": "1772445601",
            "text": {"body": f"my name is {NAMES['first_name']}"}}  # fmt: skip
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "To": PERSON["phone"],
            "ErrorCode": "30005", "ErrorMessage": TOLD}  # fmt: skip
    path = f"/receipts/sms?key={key_of(folder, 'text')}"
    signed = twilio_signature(SECRETS["SHOP_SMS_TOKEN"], f"https://shop.example{path}", form)
    as_form = {"content-type": "application/x-www-form-urlencoded"}
    basic = base64.b64encode(TOLD.encode()).decode()
    garbage = [
        TOLD.encode(),
        b"[" * 5_000,
        b"\xff\0" + TOLD.encode(),
        b'{"entry": "%s"}' % TOLD.encode(),
    ]
    return [
        meta(client, value(statuses=[status]), secret),
        meta(client, value(statuses=[{**status, "id": TOLD, "status": TOLD}]), secret),
        meta(client, value(messages=[said]), secret),
        meta(client, value(messages=[{**said, "from": TOLD}]), secret),
        meta(client, value(statuses=[status]), "another secret"),
        *(meta(client, body, secret) for body in garbage),
        *(meta(client, body, "another secret") for body in garbage),
        client.post(path, content=urlencode(form), headers={**as_form, "x-twilio-signature": signed}),
        client.post(path, content=urlencode(form), headers={**as_form, "x-twilio-signature": basic}),
        *(client.post(path, content=body, headers={"x-twilio-signature": signed}) for body in garbage),
        client.post(f"/receipts/{PERSON['email']}", content=TOLD),
        client.get("/receipts/whatsapp", params={"hub.mode": "subscribe", "hub.verify_token": TOLD, "hub.challenge": "x"}),
        client.get(f"/u/{PERSON['email']}", params={"email": PERSON["email"]}),
        client.post(f"/u/v1.{basic}.x", data={"List-Unsubscribe": "One-Click", "email": PERSON["email"]}),
        client.get(f"/p/v1.{basic}.x", headers={"referer": f"https://a.example/{PERSON['email']}"}),
        client.request("PROPFIND", f"/{PERSON['email']}", headers={"authorization": f"Basic {basic}"}),
    ]  # fmt: skip


@pytest.mark.slow
def test_what_callbacks_bring_comes_out_nowhere(folder: Path) -> None:
    decided(folder)
    with server(folder) as (client, machine, said):
        answers = called_back(client, folder)
        pages = [machine.get("/metrics"), machine.get("/healthz"), client.get("/healthz")]

    assert {200, 400, 401, 404} <= {one.status_code for one in answers}
    assert all(one.status_code < 500 for one in answers)
    assert "callback_refused" in said[0]
    assert "callback_unreadable" in said[0]
    assert "Traceback" not in said[0]
    for one in (*answers, *pages):
        assert found_in(one.text + str(one.headers)) == set(), one.request.url
    assert found_in(said[0]) == set(), said[0]
    assert found_in(left_behind(folder)) == set()
    assert columns_with(folder, SECRETS.values()) == set()
    assert columns_with(folder, PERSONAL) <= ALLOWED
