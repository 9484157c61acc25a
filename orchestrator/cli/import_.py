"""``clmctl import customers|events|receipts|answers FILE``: load a file, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from orchestrator.errors import UsageError
from orchestrator.report.layout import counted, printable

if TYPE_CHECKING:
    from collections import Counter
    from zoneinfo import ZoneInfo

    from sqlalchemy import Engine

    from orchestrator.importing.outcome import Outcome
    from orchestrator.importing.run import Kind, Progress
    from orchestrator.playbook.model import Catalog

KINDS = ("customers", "events", "receipts", "answers")
FORMS = ("human", "json")
NAMED_AT_MOST = 8
FEW = 4
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
        console.out(json.dumps(_document(chosen, outcome, target), ensure_ascii=False))
    else:
        _tell(chosen, outcome, target, messages or frozenset())
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
    from orchestrator.playbook.draft import read_project
    from orchestrator.playbook.load import sound_parts
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


def _tell(kind: str, outcome: Outcome, rejects: Path, messages: frozenset[str]) -> None:
    parts = [f"{outcome.loaded:,} loaded"]
    if kind == "customers":
        parts.append(f"{outcome.updated:,} updated")
    parts += [f"{outcome.unchanged:,} unchanged", f"{outcome.rejected:,} rejected"]
    console.out(f"{kind}: {', '.join(parts)}")
    for line in _remarks(outcome, messages):
        console.note(line)
    if outcome.rejected:
        console.warn(f"{counted(outcome.rejected, 'row')} rejected: see {rejects}")
        for reason, count in outcome.reasons.most_common(NAMED_AT_MOST):
            console.say(f"  {count:>8,}  {printable(reason)}")
        if any("in the expected form" in reason for reason in outcome.reasons):
            console.say(
                "help: --time-format says how times are written, if not as 2026-03-02T10:00"
            )


def _remarks(outcome: Outcome, messages: frozenset[str]) -> Iterator[str]:
    if outcome.unknown_messages:
        yield _messages(outcome.unknown_messages, messages)
    if outcome.customers_created:
        yield f"{counted(outcome.customers_created, 'new customer')} made by their events"
    lacking = sorted((+outcome.missing).keys() - outcome.found)
    if lacking:
        yield f"in the catalog, but no row has it: {_listed(lacking, FEW)}"
    partly = [(name, count) for name, count in (+outcome.missing).items() if name not in lacking]
    if partly:
        partly.sort(key=lambda one: (-one[1], one[0]))
        yield f"missing values: {_listed([f'{name} {count:,}' for name, count in partly], FEW)}"
    for name, count in (+outcome.unparsable).most_common(NAMED_AT_MOST):
        yield f"{name}: {counted(count, 'value')} not of the catalog's type, so missing"
    if outcome.blocked:
        yield (
            f"{counted(outcome.blocked, 'topic')} listed for customers who have withdrawn from "
            "them: they stay withdrawn"
        )
    if outcome.withdrawn:
        yield f"{counted(outcome.withdrawn, 'topic')} withdrawn by unsubscribes and complaints"
    if outcome.suppressed:
        yield f"{counted(outcome.suppressed, 'address', 'addresses')} suppressed"
    for what, names in (
        ("event", outcome.undeclared_events),
        ("column", outcome.undeclared_columns),
    ):
        if names:
            yield (
                f"not in the catalog, so stored but of no use in rules: {what} "
                f"{_listed(sorted(names))}"
            )


def _messages(unknown: Counter[str], known: frozenset[str]) -> str:
    """Return which messages receipts name that the project does not have."""
    named = []
    for name, _ in unknown.most_common():
        near = get_close_matches(name, sorted(known), n=1)
        named.append(f"{name} (did you mean {near[0]}?)" if near else name)
    count = counted(unknown.total(), "receipt")
    return f"{count} of messages that the project does not have: {_listed(named, FEW)}"


def _listed(names: list[str], at_most: int = NAMED_AT_MOST) -> str:
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")


def _document(kind: str, outcome: Outcome, rejects: Path) -> dict[str, Any]:
    return {
        "format": "clmctl.import/1",
        "kind": kind,
        "loaded": outcome.loaded,
        "updated": outcome.updated,
        "unchanged": outcome.unchanged,
        "rejected": outcome.rejected,
        "reasons": dict(outcome.reasons),
        "rejects": str(rejects) if outcome.rejected else None,
        "customers_created": outcome.customers_created,
        "missing": dict(+outcome.missing),
        "unparsable": dict(+outcome.unparsable),
        "unknown_messages": dict(outcome.unknown_messages),
        "blocked": outcome.blocked,
        "withdrawn": outcome.withdrawn,
        "suppressed": outcome.suppressed,
        "undeclared_events": sorted(outcome.undeclared_events),
        "undeclared_columns": sorted(outcome.undeclared_columns),
    }
