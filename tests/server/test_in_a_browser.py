"""The pages in a real browser, driven over its debugging pipe: what is opened, what is clicked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Shop
from ledger import greeted, handed_over, rows
from serving import Served, path_of, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LEFT = "SELECT topic FROM consent WHERE withdrawn = 1 AND source = 'customer' ORDER BY 1"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and "CLM_BROWSER" not in os.environ, reason="there is no Chromium here"
    ),
]


class Browser:
    """One page of a headless Chromium. It speaks JSON over two pipes, each message ended by NUL."""

    def __init__(self, profile: Path) -> None:
        to_it, self._write = os.pipe()
        self._read, from_it = os.pipe()
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", "--window-size=390,844", "--remote-debugging-pipe",
        ]  # fmt: skip
        # The browser expects to read at descriptor 3 and to write at 4.
        shell = f'exec "$@" 3<&{to_it} 4>&{from_it}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "browser", *command],
            pass_fds=(to_it, from_it),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_it)
        os.close(from_it)
        self._number, self._rest = 0, b""
        self._events: list[dict[str, Any]] = []
        self._session: str | None = None
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._ask("Page.enable")

    def open(self, url: str) -> None:
        self._ask("Page.navigate", url=url)
        self._until("Page.loadEventFired")

    def click(self, selector: str, *, leads_on: bool = False) -> None:
        """Click in the middle of an element, as a mouse does."""
        box = self.value(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            where = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
            self._ask("Input.dispatchMouseEvent", type=kind, **where)
        if leads_on:
            self._until("Page.loadEventFired")

    def value(self, script: str) -> Any:
        asked = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        return asked["result"].get("value")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            asked["sessionId"] = self._session
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                found: dict[str, Any] = told["result"]
                return found
            self._events.append(told)

    def _until(self, event: str) -> None:
        seen = [told for told in self._events if told.get("method") == event]
        self._events.clear()
        while not seen:
            told = self._next()
            seen = [told] if told.get("method") == event else []

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._read, 65_536)
            assert more, "the browser has ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        return told


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    opened = Browser(tmp_path / "profile")
    yield opened
    opened.close()


@pytest.fixture
def server(shop: Shop) -> Iterator[Served]:
    greeted(shop, "ana", locale="id-ID")
    handed_over(shop.engine, "ana")
    with served(shop) as running:
        yield running


def address(server: Served, path: str) -> str:
    return str(server.client.base_url).rstrip("/") + path


def test_to_open_the_link_changes_nothing_and_its_button_acts(
    server: Served, shop: Shop, browser: Browser
) -> None:
    browser.open(address(server, path_of(shop, "ana")))
    assert browser.value("document.querySelector('button').innerText") == "Berhenti berlangganan"
    assert rows(shop.engine, LEFT) == []
    browser.click("button", leads_on=True)
    assert browser.value("document.title").startswith("Anda telah berhenti")
    assert rows(shop.engine, LEFT) == [("news",)]


def test_what_is_chosen_is_saved(server: Served, shop: Shop, browser: Browser) -> None:
    browser.open(address(server, path_of(shop, "ana", "preferences")))
    browser.click("input[value=texts]")
    browser.click("button", leads_on=True)
    assert browser.value("[...document.querySelectorAll(':checked')].map(one => one.value)") == [
        "news"
    ]
    assert browser.value("document.querySelector('[role=status]') !== null")
    assert rows(shop.engine, LEFT) == [("texts",)]
    browser.click("button.quiet", leads_on=True)
    assert {topic for (topic,) in rows(shop.engine, LEFT)} == {"news", "texts"}


def test_the_pages_fit_a_telephone_and_their_style_is_let_in(
    server: Served, shop: Shop, browser: Browser
) -> None:
    for path in (path_of(shop, "ana"), path_of(shop, "ana", "preferences"), "/nothing"):
        browser.open(address(server, path))
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        assert (
            browser.value("getComputedStyle(document.querySelector('main')).borderRadius") == "14px"
        )
        assert browser.value("document.documentElement.lang") in ("id", "en")
        assert browser.value("document.querySelectorAll('h1').length") == 1
        assert browser.value(
            "[...document.querySelectorAll('input')].every(one => one.type == 'hidden' || one.labels.length == 1)"
        )
        assert browser.value("performance.getEntriesByType('resource').length") == 0
