"""Print what a tick told, in the form asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from orchestrator.cli import console
from orchestrator.cli.manner import is_terminal
from orchestrator.records.ticks import DecisionLine, TickReport
from orchestrator.report.contracts import Telling, run_document
from orchestrator.report.preview import Seen, next_command, preview
from orchestrator.report.streams import csv_lines, json_lines, pretty_json
from orchestrator.selection import Selection

Form = Literal["human", "json", "jsonl", "csv"]
FORMS: tuple[Form, ...] = ("human", "json", "jsonl", "csv")
OK, FINDINGS = 0, 1
FEW = 6


@dataclass(frozen=True)
class Asked:
    """How the result of a tick is to be shown."""

    form: Form
    selection: Selection
    telling: Telling
    zone: ZoneInfo
    """The project's, for times on the human page."""
    limit: int | None = None
    """So many decisions are read, rendered and shown; the others are not looked at."""
    samples: int | None = None
    """So many sample messages; None is a few, of different kinds."""


def show_tick(report: TickReport, lines: Iterable[DecisionLine], asked: Asked) -> int:
    """Print a tick and return the exit code: 1 if some sends could not be rendered.

    Args:
        lines: all decisions in the order they are told; read once, never kept.
    """
    shown = restricted(report, asked.selection)
    seen = Seen(FEW) if asked.samples is None else Seen(asked.samples, of_a_kind=asked.samples)
    watched = _watched(lines, seen, asked, total=report.sends)
    if asked.form == "jsonl":
        _print(json_lines(watched, asked.telling))
    elif asked.form == "csv":
        _print(csv_lines(watched, asked.telling))
    else:
        for _ in watched:
            pass
    if asked.form == "json":
        console.out(pretty_json(run_document(shown)))
    elif asked.form == "human":
        _print(preview(shown, seen, asked.telling, console.results_page(), asked.zone))
    _say_the_rest(shown, seen, asked.form)
    return FINDINGS if seen.failures else OK


def restricted(report: TickReport, selection: Selection) -> TickReport:
    """Return the report of the selected flows alone; ``sends`` counts theirs."""
    flows = {name: flow for name, flow in report.flows.items() if selection.shows(name)}
    paused = {name: runs for name, runs in report.paused.items() if selection.shows(name)}
    sends = sum(flow.sends for flow in flows.values())
    return replace(report, flows=flows, sends=sends, paused=paused)


def _watched(
    lines: Iterable[DecisionLine], seen: Seen, asked: Asked, *, total: int
) -> Iterator[DecisionLine]:
    chosen = (line for line in lines if asked.selection.shows(line.flow))
    read: Iterator[DecisionLine] = islice(chosen, asked.limit)
    if asked.form in ("human", "json") or not is_terminal(sys.stdout):
        read = console.tracked(read, "messages", total=total)
    for line in read:
        seen.take(line)
        yield line
    seen.cut = asked.limit is not None and next(chosen, None) is not None


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        console.out(line)


def _say_the_rest(report: TickReport, seen: Seen, form: Form) -> None:
    for sentence in report.notes:
        console.note(sentence)
    if form == "human":
        console.say(f"Next: {next_command(report, seen)}")
    for (flow, message, sentence), count in seen.failures.most_common(5):
        if form != "human":
            console.warn(f"{count} of {flow} / {message} cannot be rendered: {sentence}")
