"""Connections to a SQLite file that keep the promises of a dry run and of a live one."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from orchestrator.errors import EnvironmentFault

BUSY_SECONDS = 30.0
MAIN_CACHE_KIB = 131_072
TEMP_CACHE_KIB = 65_536
SCHEMA_TABLE = "clm_schema"
"""Holds the schema's revision; also the mark by which a file is known as ours."""
_OWN_TABLES = {SCHEMA_TABLE, "enrollment"}
_MAGIC = b"SQLite format 3\0"
_WAL_VERSION = 2


class _Paired(sqlite3.Connection):
    """A connection that closes another one after itself."""

    keeper: sqlite3.Connection | None = None

    def close(self) -> None:
        super().close()
        if self.keeper is not None:
            self.keeper.close()


_connecting = Lock()
"""Threads connect one after the other, because of what ``_head`` must not do beside them."""


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """Open (or create) the file in write-ahead mode, durable at every commit.

    Raises:
        EnvironmentFault: the file is not a database, or is one of another programme.
    """
    with _connecting:
        return _connected_for_writing(path)


def _connected_for_writing(path: Path) -> sqlite3.Connection:
    _refuse_other_files(path)
    connection = _connect(path, "mode=rwc")
    try:
        _refuse_other_databases(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the file so that only TEMP tables can be written and nothing is left behind.

    SQLite cannot read a write-ahead database without its ``-wal`` and ``-shm`` files, and a
    read-only connection that makes them cannot remove them. So while there is no log, a second,
    idle connection that may write keeps them, and removes them when it closes last; where
    nothing can be written at all, nothing can change either, and the file is read as immutable.
    """
    with _connecting:
        return _connected_for_reading(path)


def _connected_for_reading(path: Path) -> sqlite3.Connection:
    _refuse_other_files(path)
    keeper: sqlite3.Connection | None = None
    mode = "mode=ro"
    if not _has_log(path) and _needs_log(path):
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            keeper = _connect(path, "mode=rw")
            keeper.execute("SELECT count(*) FROM sqlite_master").fetchone()
        else:
            mode = "mode=ro&immutable=1"
    connection = _connect(path, mode)
    connection.keeper = keeper
    try:
        _refuse_other_databases(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str) -> _Paired:
    connection: _Paired
    try:
        connection = sqlite3.connect(
            f"file://{quote(str(path.absolute()))}?{mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=_Paired,
        )
    except sqlite3.OperationalError as error:
        raise EnvironmentFault(f"The database {path} cannot be opened: {error}.") from error
    for setting in (
        f"cache_size = -{MAIN_CACHE_KIB}",
        f"temp.cache_size = -{TEMP_CACHE_KIB}",
        "temp_store = FILE",
        "mmap_size = 0",
    ):
        connection.execute(f"PRAGMA {setting}")
    return connection


def _has_log(path: Path) -> bool:
    return path.with_name(path.name + "-wal").exists()


def _head(path: Path) -> bytes:
    """Return how a file begins that has no log, so that no connection to it is open here.

    Closing any descriptor of a file drops all locks that the process holds on it (POSIX), also
    those of SQLite; other processes would then take the log of an open database away.
    """
    try:
        with path.open("rb") as file:
            return file.read(20)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise EnvironmentFault(
            f"The database {path} cannot be read: {os.strerror(error.errno or 0)}."
        ) from error


def _refuse_other_files(path: Path) -> None:
    if _has_log(path):
        return
    head = _head(path)
    if head and not head.startswith(_MAGIC):
        raise EnvironmentFault(f"{path} is not a database file.")


def _needs_log(path: Path) -> bool:
    head = _head(path)
    return len(head) >= 20 and head[19] == _WAL_VERSION


def _refuse_other_databases(connection: sqlite3.Connection, path: Path) -> None:
    try:
        rows: list[Any] = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", None) != "SQLITE_NOTADB":
            raise
        raise EnvironmentFault(f"{path} is not a database file.") from error
    names = {row[0] for row in rows}
    if names and not names & _OWN_TABLES:
        raise EnvironmentFault(
            f"{path} is a database of another programme: it has none of clmctl's tables.",
            help="Name another file with --db, or leave --db out to use the project's own.",
        )
