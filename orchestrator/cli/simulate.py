"""``clmctl simulate``: weeks or months of ticks under a virtual clock, nothing kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.conventions import (
    DatabaseOption,
    ExcludeOption,
    ProjectOption,
    RevealOption,
    SelectOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.counting import counted
from orchestrator.errors import UsageError
from orchestrator.language.durations import FIXED_UNITS, Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.records.ticks import DecisionLine
    from orchestrator.report.contracts import Telling
    from orchestrator.simulation.span import Simulation

FORMS = ("human", "json", "jsonl", "csv")
SAMPLES = 6
LONGEST_DAYS = 3660
EXAMPLES = [
    ("clmctl simulate --days 30", "the next 30 days from now: volumes, pressure, what caps take"),
    (
        "clmctl simulate --from 2026-01-01T10:00 --days 365 --every 1d --assume clicked=4%",
        "a year of daily ticks at 10:00; 4 % click, always the same ones",
    ),
    ("clmctl simulate --from 2026-03-02 --days 7 -o jsonl", "every decision, in order of time"),
    ("clmctl simulate --days 90 --report out.html", "the same with a chart, as one HTML file"),
]

app = verb_app()


@verb(app, examples=EXAMPLES)
def simulate(
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="The first tick: 2026-03-02, 2026-03-02T10:00 (default: now).",
        ),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=LONGEST_DAYS, help="So many days.")
    ] = 30,
    every: Annotated[
        str,
        typer.Option(
            "--every",
            metavar="DURATION",
            help="From one tick to the next, 1min to weeks; days keep the clock time.",
        ),
    ] = "1h",
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume",
            metavar="NAME=PERCENT",
            help="So many messages are opened, clicked, replied, bounced, … or followed by an "
            "event of the catalog; repeatable, commas join.",
        ),
    ] = None,
    seed: Annotated[
        str, typer.Option("--seed", metavar="TEXT", help="What --assume draws its chance from.")
    ] = "1",
    select: SelectOption = None,
    exclude: ExcludeOption = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            help="With jsonl or csv: stop after N decisions. Else: show N sample messages.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write the figures with a chart, as HTML."),
    ] = None,
    reveal: RevealOption = False,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="CSV cells as they are, also those a spreadsheet would run."),
    ] = False,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Run the ticks of a span of time in advance, on a copy of the data; keep and send nothing.

    At or before the latest live tick it starts afresh: past events replay, and flows go live
    at the first tick. After it, everybody goes on from where they are. Selections restrict
    what is shown: flows left out still compete for caps; drafts that --select names count as
    live. Exit code 1: some messages could not be rendered.
    """
    one_of("-o", output, FORMS)
    if report is not None and output in ("jsonl", "csv"):
        raise UsageError(
            f"--report goes with -o human or json, not {output}",
            help="a stream may be cut; its figures would be half",
        )
    if report is not None and not report.parent.is_dir():
        raise UsageError(f"--report {report}: there is no folder {report.parent}")
    step = _every(every)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import console
    from orchestrator.render.mask import mask_address
    from orchestrator.report.contracts import Telling, as_it_is
    from orchestrator.selection import select_flows
    from orchestrator.settings import instant_from
    from orchestrator.simulation.assumed import Assumed, read_shares
    from orchestrator.simulation.instants import refuse_beyond_calendar
    from orchestrator.simulation.span import SpanRequest

    opened = root.open_project(project, var)
    selection = select_flows(opened.playbook, select or (), exclude or ())
    shares = read_shares(assume or (), opened.playbook.catalog.events or ())
    request = SpanRequest(
        opened.now(None) if begin is None else instant_from(begin, opened.zone, option="--from"),
        days,
        step,
        Assumed(shares, seed),
        flows=selection.flows if select or exclude else None,
        drafts=selection.named,
        reveal=reveal,
    )
    refuse_beyond_calendar(request.begin, days)
    engine = root.open_database(opened.folder, db, read_only=True)
    telling = Telling(as_it_is if reveal else mask_address, raw=raw)
    with (
        _watching(output) as passed,
        root.simulated(opened, engine, request, passed) as simulation,
    ):
        if output in ("jsonl", "csv"):
            return _stream(simulation, output, telling, limit)
        samples = simulation.samples(SAMPLES if limit is None else limit)
        found = simulation.report()
    from orchestrator.report.calendar import calendar
    from orchestrator.report.spans import span_document
    from orchestrator.report.streams import pretty_json

    if report is not None:
        from orchestrator.report.span_page import page_of

        report.write_text(page_of(found, opened.zone), encoding="utf-8")
        console.say(f"The chart is in {report}")
    if output == "json":
        console.out(pretty_json(span_document(found)))
    else:
        for line in calendar(found, samples, telling, console.results_page(), opened.zone):
            console.out(line)
    for sentence in found.notes:
        console.note(sentence)
    return int(any(line.error for line in samples))


def _every(written: str) -> Duration:
    duration = parse_duration(written)
    if duration is None or duration.unit not in FIXED_UNITS:
        raise UsageError(
            f'--every "{written}" is no time between two ticks',
            help="write minutes, hours, days or weeks: 30min, 1h, 1d",
        )
    return duration


@contextmanager
def _watching(output: str) -> Iterator[Callable[[str], None]]:
    """Show which day is played, unless the results themselves run over the same terminal."""
    from orchestrator.cli import console
    from orchestrator.cli.manner import is_terminal

    if output in ("jsonl", "csv") and is_terminal(sys.stdout):
        yield lambda _day: None
        return
    with console.stations("copying the data") as passed:
        yield passed


def _stream(simulation: Simulation, output: str, telling: Telling, limit: int | None) -> int:
    """Print the decisions as they fall; return 1 if some could not be rendered."""
    from orchestrator.cli import console
    from orchestrator.report.streams import csv_lines, json_lines

    failed = 0

    def watched() -> Iterator[DecisionLine]:
        nonlocal failed
        for line in islice(simulation.lines(), limit):
            failed += line.error is not None
            yield line

    printed = json_lines if output == "jsonl" else csv_lines
    for text in printed(watched(), telling):
        console.out(text)
    if failed:
        console.warn(f"{counted(failed, 'message')} cannot be rendered")
    return int(failed > 0)
