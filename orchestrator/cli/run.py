"""``clmctl run``: one tick, kept or previewed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import typer

from orchestrator.cli.conventions import (
    AtOption,
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
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.app import OpenProject
    from orchestrator.records.ticks import TickReport
    from orchestrator.selection import Selection

FORMS = ("human", "json", "jsonl", "csv")
EXAMPLES = [
    ("clmctl run --dry-run", "who would receive what now, who is held back, and why"),
    (
        "clmctl run --dry-run --as-live-since 2026-03-01",
        "on a fresh database: as if the flows had been live since then",
    ),
    (
        "clmctl run --dry-run --select win_back --at 2026-03-02T10:00",
        "one flow, at a virtual now",
    ),
    ("clmctl run --dry-run -o jsonl > decisions.jsonl", "one JSON object per decision"),
    ("clmctl run", "run the tick: decide, keep, hand the messages to the outbox/ folder"),
]

app = verb_app()


@verb(app, examples=EXAMPLES)
def run(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Keep nothing, send nothing; show what would be.")
    ] = False,
    at: AtOption = None,
    as_live_since: Annotated[
        str | None,
        typer.Option(
            "--as-live-since",
            metavar="TIME",
            help="With --dry-run: flows never yet live count as live since then, and so do "
            "drafts that --select names.",
        ),
    ] = None,
    select: SelectOption = None,
    exclude: ExcludeOption = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=0, help="Read, render and show the first N decisions only."
        ),
    ] = None,
    show: Annotated[
        int | None,
        typer.Option(
            "--show", metavar="N", min=0, help="So many sample messages (a few of each kind)."
        ),
    ] = None,
    render: Annotated[
        bool,
        typer.Option(
            "--render",
            help="Tell each message's text (in JSON and CSV its html and attachments) too.",
        ),
    ] = False,
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
    """Run one tick of the playbooks: who enters, who walks on, who gets which message.

    Selections restrict what is shown: flows left out still compete for caps, so that a
    preview of one flow equals its part of the real run. Exit code 1: some messages could not
    be rendered.
    """
    one_of("-o", output, FORMS)
    if as_live_since is not None and not dry_run:
        raise UsageError("--as-live-since is for previews", help="add --dry-run, or leave it out")
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import answers, console
    from orchestrator.playbook.attachments import attachments_of
    from orchestrator.render.mask import mask_address
    from orchestrator.report.contracts import Telling, as_it_is
    from orchestrator.selection import select_flows
    from orchestrator.settings import instant_from

    opened = root.open_project(project, var)
    selection = select_flows(opened.playbook, select or (), exclude or ())
    now = opened.now(at)
    since = (
        instant_from(as_live_since, opened.zone, option="--as-live-since")
        if as_live_since is not None
        else None
    )
    _check_order(since, now)
    engine = root.open_database(opened.folder, db, read_only=dry_run, create=not dry_run)
    request = root.TickRequest(
        now,
        dry_run,
        since,
        drafts=selection.named if since is not None else frozenset(),
        flows=selection.flows if select or exclude else None,
        reveal=reveal,
        whole=None if render else show,
        slack=opened.slack(at) if dry_run else timedelta(),
    )
    attached = partial(attachments_of, opened.playbook)
    telling = Telling(as_it_is if reveal else mask_address, render, raw, attached)
    asked = answers.Asked(
        cast("answers.Form", output), selection, telling, opened.zone, limit, show
    )
    with ExitStack() as held:
        with console.stations("opening") as passed:
            report, lines = held.enter_context(root.one_tick(opened, engine, request, passed))
        assumed = _assumptions(opened, selection, report, since)
        return answers.show_tick(replace(report, notes=(*report.notes, *assumed)), lines, asked)


def _check_order(since: datetime | None, now: datetime) -> None:
    if since is not None and since > now:
        raise UsageError(
            "--as-live-since is later than now", help="name an earlier time, or a later --at"
        )


def _assumptions(
    opened: OpenProject, selection: Selection, report: TickReport, since: datetime | None
) -> list[str]:
    """Return what the preview takes for granted, and what it could not show."""
    from orchestrator.report.preview import local_time

    drafts = [
        name for name in sorted(selection.named) if opened.playbook.flows[name].status == "draft"
    ]
    notes = []
    if since is not None:
        notes.append(f"flows never yet live count as live since {local_time(since, opened.zone)}")
    taken = [name for name in drafts if name in report.flows]
    if taken:
        notes.append(f"counted as live although still a draft: {', '.join(taken)}")
    for name in sorted(selection.named - set(report.flows) - set(report.paused)):
        status = opened.playbook.flows[name].status
        hint = "; --as-live-since TIME previews it" if status == "draft" else ""
        notes.append(f"{name} is {status} and was not evaluated{hint}")
    return notes
