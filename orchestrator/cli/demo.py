"""``clmctl demo [DIR]``: the sample shop, loaded and two weeks on its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.conventions import DatabaseOption, ProjectOption, verb, verb_app
from orchestrator.counting import counted
from orchestrator.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.app import OpenProject
    from orchestrator.demo.loading import Loader

EXAMPLES = [
    ("clmctl demo", "load the sample shop into this project and run its live ticks"),
    ("clmctl run --dry-run --at 2026-03-02T10:00", "then preview the next one"),
    ("clmctl demo --db sqlite:///demo.db", "the same in a database of its own"),
]

app = verb_app()


@verb(app, examples=EXAMPLES)
def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The project's folder, as with --project."),
    ] = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Load the sample shop, then run two weeks of live ticks into the outbox.

    2,000 invented customers and a year of their events, always the same. The ticks run on a
    virtual clock from 2026-02-15 to 2026-03-01; recipients open and click. A second time it
    changes nothing. A database with other customers is refused, and so is a project whose
    channels.yaml sends for real; a database of an older version of clmctl is brought up to date.
    """
    if folder is not None and project is not None:
        raise UsageError("the project is named twice", help="leave out --project")
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import console
    from orchestrator.database import place_of
    from orchestrator.demo import loading, play, shop
    from orchestrator.settings import LOCAL_FOLDER

    opened = root.open_project(folder or project)
    _refuse_providers(opened)
    engine = root.open_demo_database(opened.folder, db)
    loader = loading.Loader(engine, opened.playbook.catalog, opened.folder / LOCAL_FOLDER / "demo")
    with console.stations("making the sample shop") as passed:
        customers, events = loader.load_shop(passed)
        console.out(
            f"{counted(customers.rows, 'customer')} and {counted(events.rows, 'event')} are in "
            f"{place_of(engine)}"
        )
        sent, repeated = _run_ticks(opened, engine, loader, passed)
    there = sum(1 for _ in (opened.folder / root.OUTBOX).glob("*.json"))
    first, *_, last = (at.astimezone(shop.ZONE) for at in play.live_ticks())
    console.out(
        f"live ticks from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} {shop.ZONE.key}: "
        f"{play.outcome(sent, repeated, there)}"
    )
    console.say()
    console.say(f"Next: clmctl run --dry-run --at {shop.TODAY:%Y-%m-%dT%H:%M}")
    return 0


def _refuse_providers(opened: OpenProject) -> None:
    """Refuse a project whose messages leave: an invented address may be somebody's."""
    configured = opened.playbook.channels.items()
    leaving = [name for name, its in configured if (its.adapter or name) not in ("file", "dry_run")]
    if leaving:
        raise RefusedError(
            f"channels.yaml sends {', '.join(leaving)} for real, and the sample shop's customers "
            "are invented: nothing was loaded",
            help="put playbooks/channels.yaml aside, or say adapter: dry_run there",
        )


def _run_ticks(
    opened: OpenProject, engine: Engine, loader: Loader, passed: Callable[[str], None]
) -> tuple[int, int]:
    """Run the live ticks, each followed by what its recipients did.

    Returns:
        how many messages were sent, and how many of the ticks had been run before.
    """
    from orchestrator import app as root
    from orchestrator.demo import play

    sent = repeated = 0
    ticks = play.live_ticks()
    for number, now in enumerate(ticks, 1):
        passed(f"tick {number} of {len(ticks)}")
        request = root.TickRequest(now, dry_run=False)
        with root.one_tick(opened, engine, request, lambda _station: None) as (report, lines):
            receipts = play.receipts_of(lines)
            sent += report.sends
            repeated += root.ALREADY_DONE in report.notes
        loader.load_receipts(receipts)
    return sent, repeated
