from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from goldens import assert_golden
from told import LINES, NOW, REPORT, decision, failed, refusal

from orchestrator.records.ticks import DecisionLine, TickReport
from orchestrator.report.contracts import Telling
from orchestrator.report.layout import Page, width_of
from orchestrator.report.preview import Seen, local_time, next_command, preview

GOLDEN = Path(__file__).parent / "golden"
VIENNA = ZoneInfo("Europe/Vienna")


def masked(_channel: str, address: str) -> str:
    return f"{address[:1]}***"


def seen_of(*lines: DecisionLine, keep: int = 6) -> Seen:
    seen = Seen(keep)
    for line in lines:
        seen.take(line)
    return seen


def page_of(
    report: TickReport, seen: Seen, page: Page | None = None, *, rendered: bool = False
) -> list[str]:
    telling = Telling(masked, rendered)
    return list(preview(report, seen, telling, page or Page(80), VIENNA))


def test_preview_fits_the_narrowest_page() -> None:
    assert max(map(width_of, page_of(REPORT, seen_of(*LINES), Page(60)))) <= 60


@pytest.mark.parametrize("width", [80, 120])
def test_preview_is_laid_out_for_the_width(width: int) -> None:
    lines = page_of(REPORT, seen_of(*LINES), Page(width))

    assert max(map(width_of, lines)) <= width
    assert_golden(GOLDEN / f"preview-{width}.txt", lines)


def test_colour_adds_nothing_but_colour() -> None:
    import re

    plain = page_of(REPORT, seen_of(*LINES))
    colored = page_of(REPORT, seen_of(*LINES), Page(80, color=True))

    assert "\033[1m" in "".join(colored)
    assert [re.sub(r"\033\[[0-9;]*m", "", line) for line in colored] == plain


def test_customer_values_cannot_steer_the_terminal() -> None:
    sly = decision(subject="\x1b[2J\x07gone\u202e", text="\x9b31m")

    text = "\n".join(page_of(REPORT, seen_of(sly)))

    assert not any(sign in text for sign in "\x1b\x07\u202e\x9b")


def test_addresses_are_masked() -> None:
    text = "\n".join(page_of(REPORT, seen_of(decision())))

    assert "email to a***" in text
    assert "anna@example.com" not in text


def test_samples_show_each_message_and_channel_before_more_of_the_same() -> None:
    same = [decision(f"c_{number}") for number in range(5)]
    other = decision("c_9", message="last_offer", channel="sms")

    shown = seen_of(*same, other, keep=2).shown()

    assert [line.customer for line in shown] == ["c_9", "c_0"]


def test_samples_are_never_more_than_asked_for() -> None:
    lines = [decision(f"c_{number}") for number in range(1_000)]

    assert len(seen_of(*lines, keep=6).shown()) == 2
    assert seen_of(*lines, keep=0).shown() == []

    many = Seen(5, of_a_kind=5)
    for line in lines:
        many.take(line)
    assert len(many.shown()) == 5


def test_render_shows_the_whole_text() -> None:
    text = "\n".join(page_of(REPORT, seen_of(decision()), rendered=True))

    assert "it has been a while." in text


def test_failures_are_counted_by_message_and_reason() -> None:
    text = "\n".join(page_of(REPORT, seen_of(failed("c_1"), failed("c_2"), decision())))

    assert "2 times: win_back / we_miss_you: customer.first_name is missing" in text
    assert "2 failed" in text


def test_a_live_run_says_that_it_was_kept() -> None:
    lines = page_of(replace(REPORT, dry_run=False), seen_of())

    assert lines[0].startswith("Run of")
    assert "nothing is kept" not in lines[1]


def test_times_are_the_projects() -> None:
    assert local_time(NOW, VIENNA) == "Mon 2 March 2026 10:00 Europe/Vienna"
    assert local_time(NOW + timedelta(seconds=5), VIENNA).endswith("10:00:05 Europe/Vienna")


@pytest.mark.parametrize(
    ("report", "lines", "command"),
    [
        (replace(REPORT, customers=0), (), "clmctl import customers FILE"),
        (replace(REPORT, dry_run=False), (), "clmctl resume win_back"),
        (REPORT, (failed("c_1"),), "clmctl check"),
        (REPORT, (decision("c_7"), refusal("c_8", "nurture", "hold", "frequency")), "explain c_8"),
        (REPORT, (decision("c_7"),), "clmctl explain c_7 --flow win_back"),
        (REPORT, (), "--as-live-since"),
    ],
    ids=["nobody", "tripped", "failure", "refusal", "send", "fresh"],
)
def test_next_command_fits(
    report: TickReport, lines: tuple[DecisionLine, ...], command: str
) -> None:
    assert command in next_command(report, seen_of(*lines))
