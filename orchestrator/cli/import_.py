"""``clmctl import customers|events|receipts|answers FILE``: load a file, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import console
from orchestrator.cli.conventions import (
    DatabaseOption,
    ProjectOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.cli.import_telling import document_of, tell
from orchestrator.errors import UsageError
from orchestrator.report.layout import printable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy import Engine

    from orchestrator.importing.outcome import Outcome
    from orchestrator.importing.run import Kind, Progress
    from orchestrator.playbook.model import Catalog

KINDS = ("customers", "events", "receipts", "answers")
FORMS = ("human", "json")
DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl import customers customers.csv", "its other columns are attributes"),
        ("clmctl import events orders.csv.gz --map date=at --set event=purchase", "a bare log"),
        ("clmctl import events log.csv --map ts=at --time-format '%d/%m/%Y %H:%M'", "other times"),
        ("clmctl import receipts mail.jsonl", "opened, clicked, bounced, unsubscribed …"),
        ("clmctl import answers answers.jsonl", "what webhooks answered, by the call's key"),
    ],
)
def import_(
    kind: Annotated[str, typer.Argument(metavar="|".join(KINDS), help="What the rows are.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSON lines or Parquet; also .gz.")
    ],
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=FIELD",
            help="Take a column as this field; without FIELD leave it out. Repeatable.",
        ),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="One value for every row. Repeatable."),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(
            "--time-format",
            metavar="FORM",
            help="How times are written, if not ISO 8601: unix, unix_ms, unix_us, or a pattern "
            "such as '%d/%m/%Y %H:%M'.",
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="Zone of times without offset (default: the project's, else UTC).",
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects",
            metavar="FILE",
            help="Where rows go that cannot be loaded (default: NAME.rejects.csv here).",
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="SIGN", help="Between cells: , ; | or tab."),
    ] = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Load customers, events, receipts or answers from a file. Twice the same changes nothing.

    Customers need id, events customer_id, event and at, receipts customer_id, message, kind and
    at, answers of webhooks key and at. Good rows are loaded, bad ones go to the rejects file with
    line and reason; then the exit code is 1. Without a project the database must be named and
    times are UTC.
    """
    from orchestrator.importing.columns import read_mapping
    from orchestrator.importing.run import ImportOptions, import_file, rejects_path
    from orchestrator.importing.sources import format_of, open_bytes

    chosen = _kind(kind)
    one_of("-o", output, FORMS)
    mapping = read_mapping(map or (), set or ())
    folder, catalog, zone, messages = _surroundings(project, db, timezone)
    options = ImportOptions(
        mapping=mapping,
        zone=zone,
        time_format=time_format,
        delimiter=_delimiter(delimiter),
        messages=messages,
        rejects=rejects,
    )
    target = rejects_path(file, rejects)
    format_of(file)
    open_bytes(file).close()
    try:
        engine = _open(folder, db)
        with _progress(file.name) as progress:
            outcome = import_file(
                engine, chosen, file, options=options, catalog=catalog, progress=progress
            )
    except KeyboardInterrupt:
        console.say()
        console.note("what was committed stays; the same command again loads the rest")
        raise
    if output == "json":
        console.out(json.dumps(document_of(chosen, outcome, target), ensure_ascii=False))
    else:
        tell(chosen, outcome, target, messages or frozenset())
    return 1 if outcome.rejected else 0


def _kind(word: str) -> Kind:
    one_of("import", word, KINDS)
    return word  # type: ignore[return-value]  # one of KINDS


def _delimiter(given: str | None) -> str | None:
    """Return the one character that stands between cells.

    Raises:
        UsageError: it is no such character.
    """
    if given is None:
        return None
    sign = DELIMITERS.get(given, given)
    if len(sign) != 1 or sign in '"\r\n\0':
        raise UsageError(
            f'--delimiter "{given}" is not one character', help="one of , ; | or the word tab"
        )
    return sign


def _surroundings(
    project: Path | None, db: str | None, timezone: str | None
) -> tuple[Path | None, Catalog | None, ZoneInfo, frozenset[str] | None]:
    """Return the project's folder, catalog, zone of times without offset, and messages.

    A mistake in some flow keeps no data out: the catalog is taken as far as it can be read.
    """
    from zoneinfo import ZoneInfo

    from orchestrator.app import open_project
    from orchestrator.playbook.load import sound_parts
    from orchestrator.playbook.read import read_project
    from orchestrator.settings import database_url, find_project

    try:
        folder = find_project(project)
    except UsageError:
        if project is not None or database_url(db) is None:
            raise
        return None, None, _zone(timezone) if timezone else ZoneInfo("UTC"), None
    draft = read_project(folder, {})
    if draft.project is None and timezone is None:
        open_project(folder)  # tells what is wrong with project.yaml
    if any(problem.severity == "error" for problem in draft.problems):
        console.warn(
            "the playbooks have errors (see clmctl check); the data is loaded all the same"
        )
    playbook = sound_parts(draft)
    zone = _zone(timezone or playbook.project.timezone)
    return folder, playbook.catalog, zone, frozenset(map(str, playbook.messages))


def _zone(name: str) -> ZoneInfo:
    from orchestrator.timing import zone_named

    zone = zone_named(name)
    if zone is None:
        raise UsageError(
            f'--timezone "{name}" is no IANA time zone', help="for example Europe/Vienna, or UTC"
        )
    return zone


def _open(folder: Path | None, db: str | None) -> Engine:
    from orchestrator.app import open_database

    return open_database(folder or Path(), db, create=True)


@contextmanager
def _progress(name: str) -> Iterator[Progress]:
    """Show a bar on a terminal, nothing elsewhere."""
    if not console.on_terminal():
        yield lambda _read, _total, _outcome: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(name), total=None, rows=0)

        def progress(read: int, total: int, outcome: Outcome) -> None:
            bar.update(task, completed=read, total=total, rows=outcome.rows)

        yield progress
