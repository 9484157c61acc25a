"""What ``clmctl outbox`` shows of messages: lines for people, a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.cli import console

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from orchestrator.delivery.happenings import Occurred
    from orchestrator.delivery.outbox import MessageLine, Surge

FORMAT = "clmctl.outbox/1"


def print_json(found: dict[str, Any]) -> None:
    """Print a document of ``clmctl outbox -o json``."""
    from orchestrator.report.streams import pretty_json

    console.out(pretty_json({"format": FORMAT, **found}))


def show_lines(lines: list[MessageLine], count: int, zone: ZoneInfo) -> None:
    """Print messages for people, by the clocks of a zone, and how many there are in all."""
    from orchestrator.counting import counted
    from orchestrator.timing import short_time

    rows = [
        [str(one.id), one.customer, f"{one.flow}/{one.message}", one.channel, one.state,
         short_time(one.state_at, zone), str(one.attempt), _why(one, zone)]
        for one in lines
    ]  # fmt: skip
    header = ["id", "customer", "message", "channel", "state", "since", "calls", "why"]
    for row in console.results_page().entries(rows, header=header):
        console.out(row)
    shown = f", the latest {len(lines)} are shown" if len(lines) < count else ""
    console.say(f"{counted(count, 'message')}{shown}")


def _why(line: MessageLine, zone: ZoneInfo) -> str:
    from orchestrator.timing import short_time

    again = f"again from {short_time(line.not_before, zone)}" if line.not_before else ""
    return "; ".join(part for part in (line.why, again) if part)


def show_story(line: MessageLine, happened: list[Occurred], zone: ZoneInfo) -> None:
    """Print one message for people, and below it all that happened to it."""
    from dataclasses import asdict

    page = console.results_page()
    rows = [[key.replace("_", " "), text_of(value, zone)] for key, value in asdict(line).items()
            if value not in (None, False, 0)]  # fmt: skip
    for row in page.entries(rows):
        console.out(row)
    rows = [[text_of(one.at, zone), one.what, text_of(one.who, zone),
             text_of(f"receipt {one.source}" if one.source else one.detail, zone)]
            for one in happened]  # fmt: skip
    if rows:
        console.out("")
    for row in page.entries(rows, header=["at", "what", "who", "detail"]) if rows else ():
        console.out(row)


def story_object(line: MessageLine, happened: list[Occurred]) -> dict[str, Any]:
    """Return a message and all that happened to it as the document has it."""
    from orchestrator.report.contracts import instant_text

    return {
        **object_of(line),
        "happened": [
            {"at": instant_text(one.at), "what": one.what, "detail": one.detail, "who": one.who,
             "source": one.source}
            for one in happened
        ],
    }  # fmt: skip


def object_of(line: MessageLine) -> dict[str, Any]:
    """Return a message as the document has it."""
    from dataclasses import asdict
    from datetime import datetime

    from orchestrator.report.contracts import instant_text

    return {
        key: instant_text(value) if isinstance(value, datetime) else value
        for key, value in {
            **asdict(line),
            "possible_duplicate": bool(line.possible_duplicate),
        }.items()
    }


def surge_object(one: Surge) -> dict[str, Any]:
    """Return what a surge holds as the document has it."""
    from orchestrator.report.contracts import instant_text

    return {"flow": one.flow, "step": one.step, "at": instant_text(one.at),
            "messages": one.messages, "why": one.why}  # fmt: skip


def text_of(value: object, zone: ZoneInfo) -> str:
    """Return a value as a cell shows it, an instant by the clocks of a zone."""
    from datetime import datetime

    from orchestrator.timing import short_time

    if isinstance(value, datetime):
        return short_time(value, zone)
    return "" if value is None else str(value)
