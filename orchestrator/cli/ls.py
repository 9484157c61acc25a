"""``clmctl ls``: what the project consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.conventions import (
    AtOption,
    DatabaseOption,
    ExcludeOption,
    ProjectOption,
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
    from orchestrator.records.ticks import Sizes
    from orchestrator.report.contracts import Json
    from orchestrator.tick.pauses import Pause

KINDS = ("flows", "segments", "stages", "messages")
COUNTED = ("segments", "stages")
"""The kinds that have customers in them."""
FORMS = ("human", "json")

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl ls", "all flows"),
        ("clmctl ls --select channel:sms", "the flows that may send SMS: what a run would show"),
        ("clmctl ls segments", "the segments, each in words"),
        ("clmctl ls segments --count", "how many customers are in each, now or --at a time"),
        ("clmctl ls messages -o json", "for a script"),
    ],
)
def ls(
    what: Annotated[
        str, typer.Argument(metavar="[" + "|".join(KINDS) + "]", help="What to list (flows).")
    ] = "flows",
    select: SelectOption = None,
    exclude: ExcludeOption = None,
    count: Annotated[
        bool,
        typer.Option("--count", help="Of segments and stages: how many customers are in each."),
    ] = False,
    at: AtOption = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """List flows, segments, stages or messages; with --select, preview a selection.

    A flow that is paused by hand is told so, as far as there is a database. Of segments,
    stages and messages a selector is a name or a pattern. --count evaluates as a run would,
    and keeps nothing.
    """
    one_of("-o", output, FORMS)
    one_of("ls", what, KINDS)
    where = None if what == "flows" else db
    _check_count(what, count=count, needing={"--at": at, "--db": where})
    from orchestrator import app as root  # opens projects
    from orchestrator.cli import console
    from orchestrator.report import listing
    from orchestrator.report.streams import pretty_json

    opened = root.open_project(project, var)
    rows = listing.ROWS[what](opened.playbook, select or (), exclude or ())
    if what == "flows":
        rows = listing.with_pauses(rows, _pauses(opened, db))
    sizes = None
    if count:
        with console.stations("opening") as passed:
            engine = root.open_database(opened.folder, db, read_only=True)
            sizes = root.sizes(opened, engine, at, passed)
        rows = listing.with_sizes(what, rows, sizes)
    if output == "json":
        console.out(pretty_json(listing.ls_document(what, rows, sizes)))
    else:
        _show(what, rows, sizes, opened)
    return 0


def _pauses(opened: OpenProject, db: str | None) -> Mapping[str, Pause]:
    """Return what is paused by hand; a database that cannot be read is no reason not to list."""
    from orchestrator import app as root
    from orchestrator.cli import console
    from orchestrator.errors import EnvironmentFault

    try:
        return root.pauses_by_hand(opened, db)
    except EnvironmentFault as error:
        console.warn(f"what is paused by hand is not known: {error}")
        return {}


def _check_count(what: str, *, count: bool, needing: Mapping[str, str | None]) -> None:
    """Refuse what cannot be counted, and options that only counting reads."""
    if count and what not in COUNTED:
        raise UsageError(
            f"--count is for {' and '.join(COUNTED)}", help="clmctl ls segments --count"
        )
    for option, value in needing.items():
        if value is not None and not count:
            raise UsageError(f"{option} is for --count", help="add --count, or leave it out")


def _show(what: str, rows: list[Json], sizes: Sizes | None, opened: OpenProject) -> None:
    from orchestrator.cli import console
    from orchestrator.counting import counted
    from orchestrator.report import listing
    from orchestrator.report.preview import local_time

    name, *others = listing.COLUMNS[what]
    columns = [name, "customers", *others] if sizes else [name, *others]
    shown = [[_cell(listing.cell(row, column)) for column in columns] for row in rows]
    titles = [column.replace("_", " ") for column in columns]
    right = (1,) if sizes else ()
    for line in console.results_page().entries(shown, header=titles, right=right):
        console.out(line)
    total = counted(len(rows), what.removesuffix("s"))
    if sizes is None:
        console.say(total)
    else:
        when = local_time(sizes.now, opened.zone)
        console.say(f"{total} of {counted(sizes.customers, 'customer')}, {when}")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)
