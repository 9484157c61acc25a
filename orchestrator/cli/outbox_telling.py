"""What ``clmctl outbox`` shows of messages: lines for people, a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.cli import console

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.delivery.outbox import MessageLine, Surge

FORMAT = "clmctl.outbox/1"


def print_json(found: dict[str, Any]) -> None:
    """Print a document of ``clmctl outbox -o json``."""
    from orchestrator.report.streams import pretty_json

    console.out(pretty_json({"format": FORMAT, **found}))


def show_lines(lines: list[MessageLine], count: int) -> None:
    """Print messages for people, and how many there are in all."""
    from orchestrator.counting import counted

    rows = [
        [str(one.id), one.customer, f"{one.flow}/{one.message}", one.channel, one.state,
         _short(one.state_at), str(one.attempt), _why(one)]
        for one in lines
    ]  # fmt: skip
    header = ["id", "customer", "message", "channel", "state", "since", "calls", "why"]
    for row in console.results_page().entries(rows, header=header):
        console.out(row)
    shown = f", the latest {len(lines)} are shown" if len(lines) < count else ""
    console.say(f"{counted(count, 'message')}{shown}")


def _why(line: MessageLine) -> str:
    again = f"again from {_short(line.not_before)}" if line.not_before else ""
    return "; ".join(part for part in (line.why, again) if part)


def _short(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%SZ}"


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


def text_of(value: object) -> str:
    """Return a value as a cell shows it."""
    return "" if value is None else str(value)
