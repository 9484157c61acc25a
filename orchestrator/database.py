"""Open the one database: SQLite (a file of the project) or PostgreSQL (a URL).

Every transaction of a writing SQLite engine begins with ``BEGIN IMMEDIATE``, so that two
writers queue instead of failing half-way; ``connection.execution_options(sqlite_begin=
"DEFERRED")`` asks for a transaction that takes no write lock until it writes. Each checkout is
a connection of its own, so TEMP tables end with it.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool, StaticPool

from orchestrator import tables
from orchestrator.database_faults import database_faults, stood_in_the_way
from orchestrator.database_url import parse_database_url
from orchestrator.errors import EnvironmentFault
from orchestrator.sqlite_file import connect_for_reading, connect_for_writing

T = TypeVar("T")

STATEMENTS = 4_000
"""How many compiled statements an engine keeps. A tick has some forty per flow: SQLAlchemy's own
500 would have every tick of twenty flows compile them all again."""
POSTGRES_CONNECTING = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A server that is gone without a word is noticed within a minute, not within hours."""
POSTGRES_SETTINGS = {
    "work_mem": "256MB",
    "temp_buffers": "64MB",
    "jit": "off",
    "lock_timeout": "30s",
    "statement_timeout": "30min",
    "idle_in_transaction_session_timeout": "30s",
}
"""A process that stands still inside a transaction loses it, and with it what others wait for."""
IDLE_AT_LEISURE = text("SET LOCAL idle_in_transaction_session_timeout = '30min'")
"""For a transaction that only reads: nobody waits for it."""
LOCK_PAUSES = (0.05, 0.2, 0.8, 2.0)
"""Seconds at most before each further try of a transaction that met another one."""
ANALYSIS_LIMIT = 2_000
"""Rows of each index that SQLite's ANALYZE looks at: milliseconds instead of minutes."""


def default_url(project_dir: Path) -> str:
    """Return the URL of the project's own SQLite file, ``.clm/clm.db``."""
    return f"sqlite:///{project_dir / '.clm' / 'clm.db'}"


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine for ``url``; a SQLite file is created by the first connection.

    Args:
        url: ``sqlite:///path``, a bare path, or ``postgresql://user@host/name``.
        read_only: nothing but TEMP tables can be written; a read-only run leaves the file, its
            folder and its write-ahead log as they were.
    Raises:
        EnvironmentFault: the URL is not understood, its driver or its file is missing.
    """
    parsed = parse_database_url(url)
    with database_faults():
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(parsed, read_only=read_only)
        return _open_postgres(parsed, read_only=read_only)


def memory_engine() -> Engine:
    """Return an engine over one new in-memory SQLite database that has all tables."""
    engine = create_engine("sqlite://", poolclass=StaticPool, query_cache_size=STATEMENTS)

    @event.listens_for(engine, "connect")
    def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA temp_store = FILE")

    _begin_with(engine, "DEFERRED")
    tables.metadata.create_all(engine)
    return engine


def scratch_engine(path: Path) -> Engine:
    """Return an engine over a SQLite file that nobody keeps: quick, and lost in a crash.

    One connection serves everybody, so its caches and TEMP tables are made once.
    """

    def connect() -> Any:
        connection = connect_for_writing(path)
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        return connection

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=StaticPool, query_cache_size=STATEMENTS
    )
    _begin_with(engine, "DEFERRED")
    return engine


def insert_into(dialect: str, table: Table) -> Any:
    """Return an ``INSERT`` of a dialect that can say ON CONFLICT."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def place_of(engine: Engine) -> str:
    """Return how to name the engine's database to a person: no password, no query."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return url.database or "memory"
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def start_snapshot(connection: Connection) -> None:
    """Begin a transaction that sees one state of the data and can write TEMP tables only.

    Create the TEMP tables before, in a transaction of their own: PostgreSQL creates none in a
    read-only one. On SQLite a read-only engine's transactions are all of this kind.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        allow_idling(connection)


def allow_idling(connection: Connection) -> None:
    """Let the transaction stand still for longer between its statements: it only reads."""
    if connection.dialect.name == "postgresql":
        connection.execute(IDLE_AT_LEISURE)


def bound_cache(connection: Connection, kib: int) -> None:
    """Let a connection keep no more than so much of a SQLite file in memory."""
    if connection.dialect.name == "sqlite":
        own: Any = connection.connection.driver_connection
        own.execute(f"PRAGMA cache_size = -{kib}")


def in_one_transaction(connection: Connection, work: Callable[[], T]) -> T:
    """Do a piece of work in a transaction of its own, again if another one stood in its way.

    A deadlock, a serialization failure or a lock that came too late has changed nothing, so the
    same work may be done once more; TEMP tables that were committed before are still there.
    """

    def attempt() -> T:
        with connection.begin():
            return work()

    return _again_if_in_the_way(attempt)


def _again_if_in_the_way(attempt: Callable[[], T]) -> T:
    """Attempt something whole, anew after a pause as long as another transaction hinders it."""
    for pause in LOCK_PAUSES:
        try:
            return attempt()
        except DBAPIError as error:
            if not stood_in_the_way(error.orig):
                raise
        time.sleep(random.uniform(pause / 2, pause))  # noqa: S311  # so that two do not meet again
    return attempt()


def begin_facts(connection: Connection) -> RootTransaction:
    """Begin a transaction that writes facts about customers, when it is its turn.

    Two imports that touch the same customers in different orders would deadlock on PostgreSQL,
    and what was read from a file is not read again: so they queue, as writers of SQLite do by
    themselves. Nothing is done yet while one waits, so waiting too long is only begun anew.
    """
    return _again_if_in_the_way(lambda: _begin_facts(connection))


def _begin_facts(connection: Connection) -> RootTransaction:
    transaction = connection.begin()
    try:
        queue_for_facts(connection)
    except BaseException:
        transaction.rollback()
        raise
    return transaction


def queue_for_facts(connection: Connection) -> None:
    """Wait until no other transaction writes facts about customers; readers are not stopped."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE customer IN SHARE UPDATE EXCLUSIVE MODE"))


def summarize_statistics(engine: Engine) -> None:
    """Let the planner learn what the tables hold now; after many rows were written.

    On PostgreSQL it stands in nobody's way and waits for nobody: one table after the other, and
    one that somebody holds just now is left out, for whoever writes to it sees to it then.
    """
    with database_faults(), engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            in_one_transaction(connection, lambda: _analyze_some(connection))
            return
        names = ", ".join(f'"{table.name}"' for table in tables.metadata.sorted_tables)
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {names}")


def _analyze_some(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}")
    connection.exec_driver_sql("ANALYZE")


def _begin_with(engine: Engine, default: str) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", default)
        connection.exec_driver_sql(f"BEGIN {mode}")


def _open_sqlite(url: URL, *, read_only: bool) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise EnvironmentFault(
            "The database URL names no file; a database in memory would be forgotten at once.",
            help="Expected sqlite:///path/to/file.db.",
        )
    path = Path(str(url.database))
    if read_only:
        if not path.exists():
            raise EnvironmentFault(f"There is no database at {path}.")
        connect: Callable[[Path], Any] = connect_for_reading
    else:
        _make_own_folder(path.parent)
        connect = connect_for_writing
    engine = create_engine(
        url, creator=lambda: connect(path), poolclass=NullPool, query_cache_size=STATEMENTS
    )
    _begin_with(engine, "DEFERRED" if read_only else "IMMEDIATE")
    return engine


def _make_own_folder(folder: Path) -> None:
    """Create the project's ``.clm``, kept out of git; any other missing folder is a fault."""
    if folder.is_dir():
        return
    if folder.name != ".clm" or not folder.parent.is_dir():
        raise EnvironmentFault(f"The folder {folder} for the database does not exist.")
    try:
        folder.mkdir()
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            f"The folder {folder} for the database cannot be made: {os.strerror(error.errno or 0)}."
        ) from error


def _open_postgres(url: URL, *, read_only: bool) -> Engine:
    # What the driver has to say about a lost connection is said by us, once, as a fault.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    # Settings of the URL stand last: of two equal ones PostgreSQL takes the last.
    settings = " ".join(f"-c {name}={value}" for name, value in POSTGRES_SETTINGS.items())
    given = url.query.get("options", "")
    options = " ".join([settings, given if isinstance(given, str) else " ".join(given)]).strip()
    try:
        return create_engine(
            url.set(query={**POSTGRES_CONNECTING, **url.query, "options": options}),
            isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
            poolclass=NullPool,
            query_cache_size=STATEMENTS,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise EnvironmentFault(
            "The PostgreSQL driver is not installed.", help="Run: pip install 'psycopg[binary]'"
        ) from error
