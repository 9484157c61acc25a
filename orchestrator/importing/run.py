"""One import from file to database: read, parse, write batch by batch, count."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from orchestrator import sqlite_file
from orchestrator.database import begin_facts, summarize_statistics
from orchestrator.database_faults import database_faults
from orchestrator.errors import UsageError
from orchestrator.importing import answers, customers, events, receipts
from orchestrator.importing.columns import ColumnMap, require_fields
from orchestrator.importing.csv_source import CsvSource
from orchestrator.importing.customer_rows import write_customers
from orchestrator.importing.event_rows import write_events
from orchestrator.importing.instants import InstantReader, instant_reader
from orchestrator.importing.jsonl_source import JsonLinesSource, JsonObjectsSource
from orchestrator.importing.last_rows import LastRows
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.parquet_source import ParquetSource
from orchestrator.importing.people import People
from orchestrator.importing.receipt_rows import write_receipts
from orchestrator.importing.rejects import Rejects
from orchestrator.importing.sources import (
    Batch,
    Reading,
    Source,
    format_of,
    inner_suffix,
    open_bytes,
)
from orchestrator.playbook.model import Attribute, Catalog
from orchestrator.values import value_reader

Kind = Literal["customers", "events", "receipts", "answers"]
KINDS: tuple[Kind, ...] = ("customers", "events", "receipts", "answers")
REQUIRED: dict[Kind, tuple[str, ...]] = {
    "customers": customers.REQUIRED,
    "events": events.REQUIRED,
    "receipts": receipts.REQUIRED,
    "answers": answers.REQUIRED,
}
ROWS_WORTH_STATISTICS = 1_000
"""Rows written after which the planner is told what the tables hold now."""
TRANSACTION_ROWS = 200_000
"""Rows of a file after which the next batch ends the transaction. Each commit writes the pages
it touched once more, and events touch many."""
LOG_PAGES = 100_000
"""SQLite folds its write-ahead log into the file every 400 MB of an import, not every 4. Its page
cache is twice as large too: events touch pages all over the index by customer."""


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the command line says about one import."""

    mapping: ColumnMap = field(default_factory=ColumnMap)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Of times without offset."""
    time_format: str | None = None
    delimiter: str | None = None
    messages: frozenset[str] | None = None
    """What the project can send, for receipts; None: it is not known."""
    rejects: Path | None = None
    """None is ``<file>.rejects.csv`` in the current folder."""


Progress = Callable[[int, int, Outcome], None]
"""Told after each batch: bytes read, bytes of the file, the counts so far."""


def _untold(_read: int, _total: int, _outcome: Outcome) -> None:
    return None


def import_file(
    engine: Engine,
    kind: Kind,
    path: Path,
    *,
    options: ImportOptions | None = None,
    catalog: Catalog | None = None,
    progress: Progress = _untold,
) -> Outcome:
    """Load a file; what is committed stays, so a killed import is simply run again.

    Raises:
        UsageError: the options contradict each other or the file's name.
        FileRefusedError: nothing was loaded: the file is not UTF-8, or lacks a column.
        EnvironmentFault: the file, the rejects file or the database cannot be used.
    """
    options = options or ImportOptions()
    with (
        Rejects(rejects_path(path, options.rejects)) as rejects,
        database_faults(),
        _no_garbage_collection(),
    ):
        job = _Import(engine, options, catalog, rejects, progress)
        job.run(kind, path)
    outcome = job.outcome
    outcome.rejected, outcome.reasons = rejects.count, rejects.reasons
    if outcome.loaded + outcome.updated >= ROWS_WORTH_STATISTICS:
        summarize_statistics(engine)
    return outcome


def rejects_path(path: Path, given: Path | None) -> Path:
    """Return where rejected rows go.

    Raises:
        UsageError: that is the imported file itself.
    """
    found = given or Path(f"{path.name.removesuffix('.gz').rpartition('.')[0]}.rejects.csv")
    if found.resolve() == path.resolve():
        raise UsageError("--rejects names the imported file itself", help="name another file")
    return found


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Rows are many small objects without cycles: looking for those costs half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Import:
    """One import in progress."""

    def __init__(
        self,
        engine: Engine,
        options: ImportOptions,
        catalog: Catalog | None,
        rejects: Rejects,
        progress: Progress,
    ) -> None:
        self.outcome = Outcome()
        self._engine = engine
        self._options = options
        self._mapping = options.mapping
        self._catalog = catalog
        self._rejects = rejects
        self._progress = progress
        self._people = People()
        self._read_instant: InstantReader = instant_reader(options.time_format, options.zone)

    def run(self, kind: Kind, path: Path) -> None:
        with open_bytes(path):
            reading = Reading(path, path.stat().st_size)
        source = open_source(reading, self._options, kind)
        if isinstance(source, JsonLinesSource):
            source.require(REQUIRED[kind])
            self._mapping = ColumnMap()
        elif source.columns is not None:
            require_fields(source.columns, self._mapping, REQUIRED[kind])
        load = {
            "customers": self._load_customers,
            "events": self._load_events,
            "receipts": self._load_receipts,
            "answers": self._load_answers,
        }[kind]
        with self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                driver: Any = connection.connection.driver_connection
                driver.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
                driver.execute(f"PRAGMA cache_size = -{2 * sqlite_file.MAIN_CACHE_KIB}")
            load(connection, source, reading)

    def _batches(self, source: Source) -> Iterator[Batch]:
        """Yield the file's rows; where a batch begins, all rejects before it are known."""
        for batch in source.batches(self._rejects.add):
            if batch.lines:
                self._rejects.write_before(batch.lines[0])
            yield batch

    def _load_events(self, connection: Connection, source: Source, reading: Reading) -> None:
        reader = events.EventReader(
            self._mapping,
            value_reader(self._options.zone),
            self._read_instant,
            None if self._catalog is None else _declared_events(self._catalog),
            self.outcome,
        )
        transaction = None
        waiting = 0
        for batch in self._batches(source):
            found = reader.read(batch, self._rejects.add)
            transaction = transaction or begin_facts(connection)
            write_events(connection, found, self._people, self.outcome)
            waiting += len(batch.rows)
            if waiting >= TRANSACTION_ROWS:
                transaction.commit()
                self._people.begin_anew()
                transaction, waiting = None, 0
            self._tell(reading)
        if transaction is not None:
            transaction.commit()

    def _load_customers(self, connection: Connection, source: Source, reading: Reading) -> None:
        reader = customers.CustomerReader(
            self._mapping,
            value_reader(self._options.zone),
            self._read_instant,
            None if self._catalog is None else _stored_types(self._catalog),
            None if self._catalog is None else frozenset(self._catalog.topics or ()),
            self.outcome,
            _computed(self._catalog),
        )
        with LastRows() as last:
            for batch in self._batches(source):
                last.add(batch.columns, list(reader.accept(batch, self._rejects.add)))
                self._tell(reading)
            for columns, rows in last.pages():
                people = reader.read(columns, rows)
                with begin_facts(connection):
                    shape = reader.shape(columns)
                    write_customers(connection, shape, people, self._people, self.outcome)
                self._tell(reading)
            self.outcome.unchanged += last.replaced

    def _load_receipts(self, connection: Connection, source: Source, reading: Reading) -> None:
        reader = receipts.ReceiptReader(self._mapping, self._read_instant, self.outcome)
        topics = self._catalog.topic_purposes() if self._catalog else {}
        for batch in self._batches(source):
            rows = reader.read(batch, self._rejects.add)
            known = self._options.messages
            self.outcome.unknown_messages.update(
                row.message for row in rows if known is not None and row.message not in known
            )
            with begin_facts(connection):
                write_receipts(
                    connection,
                    rows,
                    self._people,
                    topics=topics,
                    outcome=self.outcome,
                    reject=self._rejects.add,
                )
            self._tell(reading)

    def _load_answers(self, connection: Connection, source: Source, reading: Reading) -> None:
        reader = answers.AnswerReader(self._mapping, self._read_instant)
        for batch in self._batches(source):
            rows = reader.read(batch, self._rejects.add)
            with begin_facts(connection):
                answers.write_answers(
                    connection,
                    rows,
                    self._options.zone,
                    outcome=self.outcome,
                    reject=self._rejects.add,
                )
            self._tell(reading)

    def _tell(self, reading: Reading) -> None:
        self.outcome.rejected = self._rejects.count
        self._progress(reading.position(), reading.total, self.outcome)


def open_source(reading: Reading, options: ImportOptions, kind: Kind) -> Source:
    """Return the file, ready to be read by its format.

    Raises:
        UsageError: the file's name says no format, or ``--delimiter`` is for CSV only.
    """
    form = format_of(reading.path)
    if form != "csv" and options.delimiter is not None:
        raise UsageError("--delimiter is for CSV files only")
    if form == "csv":
        usual = "\t" if inner_suffix(reading.path) == ".tsv" else ","
        return CsvSource(reading, options.delimiter or usual)
    if form == "parquet":
        return ParquetSource(reading)
    of_kind = JsonObjectsSource if kind == "customers" else JsonLinesSource
    return of_kind(reading, options.mapping)


def _stored_types(catalog: Catalog) -> dict[str, str]:
    """Return attribute → type of those that are stored, not computed."""
    found = catalog.attributes or {}
    return {str(name): one.type for name, one in found.items() if isinstance(one, Attribute)}


def _computed(catalog: Catalog | None) -> frozenset[str]:
    found = (catalog.attributes if catalog else None) or {}
    return frozenset(str(name) for name, one in found.items() if not isinstance(one, Attribute))


def _declared_events(catalog: Catalog) -> dict[str, dict[str, str]]:
    found = catalog.events or {}
    return {
        str(event): {str(key): kind for key, kind in types.items()}
        for event, types in found.items()
    }
