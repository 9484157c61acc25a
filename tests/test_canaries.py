"""Secrets and people's data do not come out where nobody asked for them.

One project, driven through its verbs, with values that are found wherever they turn up: in what is
printed, in what is told on stderr, in the files that are left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from canaries import NAMES, PERSON, PROJECT, SECRETS, found_in, sign_up, write_project
from harness import at

from orchestrator.cli.shell import answer

CATALOG = """
events: {signed_up: {}}
attributes:
  first_name: {type: text, personal: true}
  city: {type: text, personal: true}
topics: {news: marketing, texts: {purpose: marketing, channels: [sms]}}
senders: {shop: "Shop <hello@shop.example>"}
"""
CHANNELS = """
channels:
  email: {host: 127.0.0.1, port: 9, username: shop, password: env:SHOP_SMTP_PASSWORD, tls: none}
  sms: {url: "http://127.0.0.1:9", account: env:SHOP_SMS_ACCOUNT, token: env:SHOP_SMS_TOKEN, from: "+431234567"}
"""
FLOW = """
flow: greet
status: live
starts_when: {did: signed_up}
steps:
  - {send: hello, topic: news, channel: email}
  - {send: text, topic: texts, channel: sms}
  - {send: broken, topic: news, channel: email}
"""
TEMPLATES = {
    "hello/email.md.j2": "---\nsubject: 'Hi {{ customer.first_name }}'\n---\n"
    "{{ customer.first_name }} of {{ customer.city }}, {{ customer.email }}",
    "text/sms.txt.j2": "Hi {{ customer.first_name }}, {{ customer.phone }}",
    "broken/email.md.j2": "---\nsubject: 'Hi'\n---\n[x]({{ customer.first_name }})"
    "{{ customer.city | date }}{{ customer.city | money }}",
}

DECIDED = "2026-03-02T10:00Z"
ASKED = (
    ("check",),
    ("ls", "flows"),
    ("render", "hello", "--customer", "c_1"),
    ("render", "text", "--customer", "c_1", "-o", "json"),
    ("render", "hello", "--customer", "c_1", "-o", "html"),
    ("render", "broken", "--customer", "c_1"),
    ("explain", "c_1", "--flow", "greet"),
    ("run", "--dry-run", "--at", DECIDED),
    ("run", "--dry-run", "--at", DECIDED, "-o", "json"),
    ("simulate", "--from", DECIDED, "--days", "3"),
    ("run", "--at", DECIDED),
    ("run", "--at", "2026-03-02T11:00Z", "-o", "json"),
    ("outbox", "list"),
    ("outbox", "list", "-o", "json"),
    ("outbox", "show", "1"),
    ("outbox", "show", "2", "-o", "json"),
    ("outbox", "show", "3"),
    ("outbox", "in-doubt", "list"),
    ("channels", "list"),
    ("channels", "check"),
    ("status",),
    ("status", "-o", "json"),
    ("doctor",),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one person in it, and secrets in the environment."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    files = {
        "playbooks/project.yaml": PROJECT,
        "playbooks/catalog.yaml": CATALOG,
        "playbooks/channels.yaml": CHANNELS,
        "playbooks/flows/welcome.yaml": FLOW,
        **{f"templates/{name}": text for name, text in TEMPLATES.items()},
    }
    return write_project(tmp_path / "shop", files, ("news", "texts"))


def worked(folder: Path) -> str:
    """Let a worker try for some seconds; return all that it says."""
    command = [sys.executable, "-m", "orchestrator.cli", "worker", "--project", str(folder)]
    path = os.pathsep.join(one for one in sys.path if one)
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        return process.communicate(timeout=8)[0]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        return process.communicate(timeout=60)[0]


@pytest.mark.slow
def test_no_secret_and_nobodys_data_come_out(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert answer(["run", "--at", "2026-03-01T10:00Z", "--project", str(folder)]) == 0
    sign_up(folder, at("2026-03-02T09:30:00"))
    told = {}
    for words in ASKED:
        code = answer([*words, "--project", str(folder)])
        captured = capfd.readouterr()
        told[" ".join(words)] = captured.out + captured.err
        assert code in (0, 1, 3), (words, captured.err)
    told["worker"] = worked(folder)

    assert "c_1" in told["outbox list"]
    assert '"event"' in told["worker"] or "worker" in told["worker"]
    for name, text in told.items():
        assert text or name == "worker", name
        assert found_in(text) == set(), (name, text)


def test_a_report_of_a_bug_shows_no_value(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        try:
            int(NAMES["first_name"])
        except ValueError as error:
            raise KeyError(PERSON["email"]) from error

    monkeypatch.setattr("orchestrator.app.open_project", fails)
    monkeypatch.chdir(folder)
    url = f"postgresql://shop:{SECRETS['SHOP_SMTP_PASSWORD']}@db.example/shop"

    assert answer(["ls", "flows", "--db", url, "--var", f"a={SECRETS['SHOP_SMS_TOKEN']}"]) == 70

    captured = capfd.readouterr()
    (report,) = (folder / ".clm").glob("bug-*.txt")
    written = report.read_text(encoding="utf-8")
    assert "ValueError" in written
    assert "KeyError" in written
    assert "in fails" in written
    assert found_in(captured.out + captured.err + written) == set()
