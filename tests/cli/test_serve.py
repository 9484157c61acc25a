from __future__ import annotations

import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from small_project import write_project

SECONDS = 60.0
CHANNELS = """\
channels:
  whatsapp: {phone_number_id: '1', token: env:WHATSAPP_TOKEN, app_secret: env:WHATSAPP_SECRET}
"""


class Process:
    """One ``clmctl`` that goes on, and what it told."""

    def __init__(self, folder: Path, log: Path, *words: str) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.cli", *words, "--project", str(folder)],
                stderr=stream,
            )

    def told(self) -> list[dict[str, Any]]:
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def addresses(self, many: int) -> dict[str, str]:
        """Return what is answered → where, once so many addresses were told of."""
        until = time.monotonic() + SECONDS
        while True:
            found = {one["what"]: one["address"] for one in self.told() if one["event"] == "serves"}
            if len(found) == many:
                return found
            assert self.process.poll() is None, self._log.read_text(encoding="utf-8")
            assert time.monotonic() < until, "it does not answer"
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    folder = write_project(tmp_path / "shop", **{"playbooks/flows/win_back.yaml": ""})
    running: list[Process] = []

    def begin(*words: str) -> Process:
        running.append(Process(folder, tmp_path / f"log-{len(running)}", *words))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.mark.slow
def test_serve_answers_until_it_is_told_to_stop(started: Callable[..., Process]) -> None:
    one = started("serve", "--port", "0", "--metrics", "127.0.0.1:0")
    where = one.addresses(2)
    outside, own = (f"http://{where[what]}" for what in ("links and callbacks", "figures"))
    assert httpx.get(f"{outside}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{outside}/u/v1.preview.x").status_code == 404
    assert httpx.get(f"{outside}/metrics").status_code == 404
    assert "clm_database_up 1.0" in httpx.get(f"{own}/metrics").text
    assert httpx.get(f"{own}/healthz").json()["late"] == []
    assert one.end() == 0
    assert one.told()[-1]["event"] == "stopped"


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_says_that_it_has(started: Callable[..., Process]) -> None:
    one = started("worker", "--metrics", "127.0.0.1:0")
    one.addresses(1)
    assert one.end() == 0
    assert one.told()[-1]["event"] == "stopped"


@pytest.mark.slow
def test_start_answers_too_and_its_health_is_that_of_its_loops(
    started: Callable[..., Process],
) -> None:
    words = ("start", "--every", "1s", "--serve", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
    one = started(*words)
    where = one.addresses(2)
    assert httpx.get(f"http://{where['links and callbacks']}/healthz").status_code == 200
    until = time.monotonic() + SECONDS
    while "tick" not in {told["event"] for told in one.told()}:
        assert time.monotonic() < until
        time.sleep(0.05)
    found = httpx.get(f"http://{where['figures']}/healthz").json()
    assert "scheduler" in found["seconds_since_round"]
    assert one.end(signal.SIGINT) == 130


@pytest.mark.slow
def test_a_worker_tells_its_figures(started: Callable[..., Process]) -> None:
    one = started("worker", "--metrics", "127.0.0.1:0")
    where = one.addresses(1)
    assert "clm_loop_age_seconds" in httpx.get(f"http://{where['figures']}/metrics").text
    assert one.end() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--port"),
        ("start", "--metrics", "off", "--serve"),
        ("start", "--serve", "off", "--metrics"),
        ("worker", "--metrics"),
    ],
    ids=["serve", "start", "figures of start", "figures of a worker"],
)
def test_an_address_that_was_asked_for_and_is_taken_is_a_fault(
    started: Callable[..., Process], words: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        place = str(port) if words[-1] == "--port" else f"127.0.0.1:{port}"
        assert started(*words, place).process.wait(SECONDS) == 5


@pytest.mark.slow
def test_the_usual_address_that_is_taken_is_one_line_that_says_what_to_do(
    started: Callable[..., Process],
) -> None:
    with ExitStack() as held:
        with suppress(OSError):  # somebody else on this machine may have it, which is as well
            held.enter_context(socket.create_server(("127.0.0.1", 8020)))
        one = started("start", "--every", "1s", "--metrics", "off")
        until = time.monotonic() + SECONDS
        while not any(told["event"] == "tick" for told in one.told()):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert one.end() == 0
    [said] = [told["says"] for told in one.told() if told["event"] == "not_served"]
    assert said.endswith(
        "If another clmctl answers there, say --serve off; if none does, --serve HOST:PORT"
    )


@pytest.mark.slow
def test_an_address_that_is_none_is_a_wrong_word(started: Callable[..., Process]) -> None:
    assert started("start", "--serve", "here").process.wait(SECONDS) == 2


@pytest.mark.slow
@pytest.mark.parametrize("secret", [None, ""], ids=["missing", "empty"])
def test_without_the_secret_that_proves_callbacks_it_does_not_begin(
    started: Callable[..., Process],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    secret: str | None,
) -> None:
    monkeypatch.setenv("WHATSAPP_TOKEN", "t" * 32)
    monkeypatch.delenv("WHATSAPP_SECRET", raising=False)
    if secret is not None:
        monkeypatch.setenv("WHATSAPP_SECRET", secret)
    (tmp_path / "shop" / "playbooks" / "channels.yaml").write_text(CHANNELS, encoding="utf-8")
    one = started("serve", "--port", "0", "--metrics", "off")
    assert one.process.wait(SECONDS) == 5
    assert "WHATSAPP_SECRET" in (tmp_path / "log-0").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_secret_that_changes_while_it_serves_is_taken_up(
    started: Callable[..., Process], tmp_path: Path
) -> None:
    secret = tmp_path / "shop" / "secret"
    settings = "{phone_number_id: '1', token: file:secret, app_secret: file:secret}"
    channels = f"channels:\n  whatsapp: {settings}\n"
    (tmp_path / "shop" / "playbooks" / "channels.yaml").write_text(channels, encoding="utf-8")
    secret.write_text("old" * 11, encoding="utf-8")
    one = started("serve", "--port", "0", "--metrics", "off")
    [outside] = one.addresses(1).values()

    def answered(signed_by: str) -> int:
        digest = hmac.digest(signed_by.encode(), b"{}", hashlib.sha256).hex()
        headers = {"x-hub-signature-256": f"sha256={digest}"}
        return httpx.post(
            f"http://{outside}/receipts/whatsapp", content=b"{}", headers=headers
        ).status_code

    assert [answered("old" * 11), answered("new" * 11)] == [200, 401]
    secret.write_text("new" * 11, encoding="utf-8")
    assert [answered("old" * 11), answered("new" * 11)] == [401, 200]
    assert one.end() == 0
    assert "channel_opened" in {told["event"] for told in one.told()}
