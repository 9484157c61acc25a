"""The page of one message: what each channel carries, and that it fetches nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pypdf import PdfReader
from rendering_shop import send

from orchestrator.channels.message import Sender
from orchestrator.records.sends import Rendered
from orchestrator.report.message_page import message_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SENDER = Sender("Corner Shop", "hello@shop.example", "help@shop.example")


def page(channel: str, text: str, *, html: str | None = None, is_json: bool = False) -> str:
    message = Rendered("ayu@mail.example", "Spring", "Ten off", text, html, None, is_json=is_json)
    return message_page(send(channel=channel), message, SENDER)


def test_a_mail_shows_its_headers_its_line_in_the_list_and_both_parts() -> None:
    shown = page("email", "Hi Ayu", html="<p>Hi <b>Ayu</b></p>")

    for says in (
        "Corner Shop &lt;hello@shop.example&gt;", "help@shop.example", "ayu@mail.example",
        '<b>Corner Shop</b> &nbsp; Spring <span class="faint">Ten off</span>',
        '<pre id="text">Hi Ayu</pre>', 'width="700"', 'width="375"',
    ):  # fmt: skip
        assert says in shown
    assert shown.count('srcdoc="&lt;p&gt;Hi &lt;b&gt;Ayu&lt;/b&gt;&lt;/p&gt;"') == 2
    assert shown.count("<iframe sandbox ") == 2


def test_a_text_message_shows_what_makes_it_dear() -> None:
    shown = page("sms", "Hi “Ayu”\nbye")

    assert "1 segment, UCS-2: 12 units, room for 58 more" in shown
    assert "Without <mark>“</mark> <mark>”</mark> a segment would hold 160 characters" in shown
    assert "Hi <mark>“</mark>Ayu<mark>”</mark>\nbye" in shown
    assert "GSM-7: 160 units" in page("sms", "x" * 160)


def test_the_other_channels_show_what_they_carry() -> None:
    assert "<b>Spring</b>" in page("push", "Ten off")
    assert "<b>Deal</b>" in page("push", '{"title": "Deal", "body": "x"}', is_json=True)
    assert "bubble" in page("whatsapp", "Hi")
    assert '<pre id="text">Call her</pre>' in page("call_task", "Call her")
    assert "srcdoc" in page("onsite", "Hi", html="<p>Hi</p>")


@pytest.mark.parametrize("channel", ["email", "sms", "whatsapp", "push", "onsite", "chat"])
def test_what_is_hostile_stays_text(channel: str) -> None:
    bad = "</pre><script>x</script>\"'><iframe src=//evil.example>\u202e"
    shown = page(channel, bad, html=f'"></iframe><script>{bad}</script>')

    assert "<script" not in shown
    assert "<iframe src" not in shown


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody should ask: its address, and who did."""
    asked: list[str] = []

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
@pytest.mark.skipif(
    CHROMIUM is None and "CLM_BROWSER" not in os.environ, reason="there is no Chromium here"
)
def test_a_browser_draws_it_and_asks_nobody(tmp_path: Path, trap: tuple[str, list[str]]) -> None:
    url, asked = trap
    html = (
        f'<html><head><link rel="stylesheet" href="{url}/css"><link rel=preload as=image href="{url}/l">'
        f'<meta http-equiv="refresh" content="0;url={url}/meta"><base href="{url}/base/"></head>'
        f'<body background="{url}/b"><p style="background:url({url}/bg)">Frame of Ayu</p>'
        f'<img src="{url}/pixel.gif" srcset="{url}/2x 2x"><script>fetch("{url}/js")</script>'
        f'<video src="{url}/v" poster="{url}/poster"></video><iframe src="{url}/f"></iframe>'
        f'<object data="{url}/o"></object><style>@import "{url}/i";</style></body></html>'
    )
    path = tmp_path / "page.html"
    path.write_text(page("email", "Hi Ayu", html=html), encoding="utf-8")

    picture = tmp_path / "page.pdf"
    subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000",
            "--no-pdf-header-footer", f"--print-to-pdf={picture}", path.as_uri(),
        ],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip

    assert asked == []
    drawn = "".join(one.extract_text() for one in PdfReader(picture).pages)
    assert drawn.count("Frame of Ayu") == 2
