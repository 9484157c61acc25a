"""A simulated span as people read it, on a terminal and as a page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from told import decision

from orchestrator.records.spans import FlowSpan, Pressure, SpanReport, Spread, Volume
from orchestrator.report.calendar import calendar
from orchestrator.report.contracts import Telling, as_it_is
from orchestrator.report.layout import Page
from orchestrator.report.span_page import page_of
from orchestrator.report.spans import grid

VIENNA = ZoneInfo("Europe/Vienna")
BEGIN = datetime(2026, 1, 1, 9, tzinfo=UTC)
FLOWS = {
    "cart": FlowSpan(entered=900, sends=800, sends_by_channel={"email": 500, "sms": 300}),
    "nobody": FlowSpan(),
    "win_back": FlowSpan(
        entered=400, sends=40, sends_by_channel={"email": 40}, held={"frequency": 300, "volume": 9},
        expired={"frequency": 250}, still_held=50, lost_to={"cart": 290, "win_back": 10},
        webhooks=3, effects={"task": 7}, tripped_at=BEGIN + timedelta(days=100),
    ),
}  # fmt: skip


def report(days: int = 365, flows: dict[str, FlowSpan] | None = None) -> SpanReport:
    volumes = [
        Volume(date(2026, 1, 1) + timedelta(days=at), flow, channel, 1 + at * at % 37)
        for at in range(0, days, 2)
        for flow, channel in (("cart", "email"), ("cart", "sms"), ("win_back", "email"))
    ]
    return SpanReport(
        begin=BEGIN, end=BEGIN + timedelta(days=days - 1), ticks=days, every="1 day",
        release="f" * 64, goes_on_from=None, customers=20_000, flows=FLOWS if flows is None else flows,
        volumes=volumes, pressure=Pressure(5_000, Spread(1, 3, 4), Spread(6, 19, 60)),
        sends=sum(one.sends for one in volumes), seed="7", assumed={"clicked": "4%"},
        notes=("one <zone> is no IANA name",),
    )  # fmt: skip


def told(found: SpanReport, width: int = 80) -> list[str]:
    return list(calendar(found, [decision()], Telling(as_it_is), Page(width), VIENNA))


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("days", [1, 9, 60, 365, 1_500])
def test_the_calendar_fits_its_page(days: int, width: int) -> None:
    assert max(map(len, told(report(days), width))) <= width


def test_a_year_is_told_by_weeks() -> None:
    page = told(report())

    title = page.index("Messages per week")
    strip = next(line for line in page if line.strip().startswith("cart email")).split()[-1]
    assert page[title + 1].split()[:4] == ["total", "Jan", "Feb", "Mar"]
    assert len(strip) == 53


def test_shades_keep_what_the_legend_says() -> None:
    page = "\n".join(told(report(40)))

    legend = re.search(r"· none  ░ 1-(\d+)  ▒ (\d+)-(\d+)  ▓ (\d+)-(\d+)  █ (\d+) or more", page)
    assert legend
    bounds = list(map(int, legend.groups()))
    most = max(one.sends for one in report(40).volumes)
    assert bounds == [most // 4, most // 4 + 1, most // 2, most // 2 + 1,
                      most * 3 // 4, most * 3 // 4 + 1]  # fmt: skip


def test_what_is_to_be_looked_at_is_said() -> None:
    page = " ".join(" ".join(told(report())).split())

    assert "! win_back is starved: 40 sent, 250 expired, 50 still held" in page
    assert "! the volume breaker of win_back tripped on Sat 11 April 2026" in page
    assert "! nobody enters nobody" in page
    assert re.search(r"win_back after cart 290 250 of 300", page)
    assert "3 webhooks · 7 task" in page


def test_stretches_are_as_short_as_there_is_room() -> None:
    assert [grid(report(), VIENNA, most=most).days for most in (400, 365, 60, 30, 5)] == [
        1, 1, 7, 14, 77,
    ]  # fmt: skip


def test_every_message_is_in_the_grid() -> None:
    found = report()

    for most in (400, 60, 5):
        assert sum(grid(found, VIENNA, most=most).total()) == found.sends


# --- the page -------------------------------------------------------------------------


class Outline(HTMLParser):
    """Notes what a page consists of, and that its elements close in order."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    text = page_of(report(), VIENNA)
    page = Outline(text)

    assert not page.open
    assert not [attrs for _, attrs in page.seen if {"src", "href", "onload"} & attrs.keys()]
    assert not re.search(r"url\(|@import|<script|https?://", text)
    assert "default-src 'none'" in text


def test_the_page_says_in_words_what_the_chart_shows() -> None:
    page = Outline(page_of(report(), VIENNA))
    tags = [tag for tag, _ in page.seen]
    svg = next(attrs for tag, attrs in page.seen if tag == "svg")
    ids = {attrs.get("id") for _, attrs in page.seen}

    assert svg["role"] == "img"
    assert set((svg["aria-labelledby"] or "").split()) <= ids
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption") == 5
    assert all(attrs.get("scope") for tag, attrs in page.seen if tag == "th")
    assert f"{report().sends:,} messages" in " ".join(page.text)


def test_text_from_data_stays_text() -> None:
    flows = {"<script>": replace(FLOWS["cart"], lost_to={"<b>": 2})}

    text = page_of(report(flows=flows), VIENNA)

    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;zone&gt;" in text


def test_many_flows_share_the_last_colour() -> None:
    volumes = [Volume(date(2026, 1, 1), f"flow_{at:02}", "email", at + 1) for at in range(12)]

    text = page_of(replace(report(), volumes=volumes), VIENNA)

    assert "5 other flows" in text
    assert text.count('<path fill="var(--c') == 8


def test_a_span_without_messages_is_a_page_too() -> None:
    nothing = replace(report(), volumes=[], pressure=Pressure(), sends=0, flows={})

    assert not Outline(page_of(nothing, VIENNA)).open
    assert "none" in " ".join(told(nothing))


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.slow
@pytest.mark.skipif(
    CHROMIUM is None and "CLM_BROWSER" not in os.environ, reason="there is no Chromium here"
)
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
def test_a_browser_draws_it(scheme: int, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    probe = (
        "<script>const bar = document.querySelector('path[fill]').getBoundingClientRect();"
        "document.title = [bar.width > 100, bar.height > 10,"
        "document.documentElement.scrollWidth <= innerWidth,"
        "getComputedStyle(document.body).backgroundColor].join('|')</script>"
    )
    text = page_of(report(), VIENNA).replace("default-src 'none'", "script-src 'unsafe-inline'")
    page.write_text(text.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-quic", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=800,900",
            f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    ground = "rgb(255, 255, 255)" if scheme else "rgb(17, 17, 17)"
    assert f"<title>true|true|true|{ground}</title>" in done.stdout
