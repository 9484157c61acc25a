"""A lane's line to the database: one connection, one transaction at a time, mended when it breaks.

All lanes of a process share one line on SQLite: a file has one writer, and a second writing
connection is what its known fault needs (ADR of the ledger). On PostgreSQL each has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TypeVar

from sqlalchemy import Connection, Engine, text

from orchestrator.database import allow_idling, bound_cache, in_one_transaction
from orchestrator.database_faults import database_faults
from orchestrator.errors import EnvironmentFault

T = TypeVar("T")
CACHE_KIB = 32_768
"""Of a line's own pages of SQLite: a worker sees each message once, however many there are."""


class Line:
    """One connection that is opened when it is needed, and anew after it was lost."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._one_at_a_time = RLock()

    def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Do a piece of work in one transaction, again if another one stood in its way.

        Args:
            durable: whether the commit must outlive a crash of the database's machine.
        Raises:
            EnvironmentFault: the database failed; nothing was kept, or, if the connection was
                lost at the commit, it is not known whether it was.
        """
        with self._held() as connection:
            connection.execution_options(sqlite_begin="IMMEDIATE")

            def attempt() -> T:
                if not durable and connection.dialect.name == "postgresql":
                    connection.execute(text("SET LOCAL synchronous_commit = off"))
                return work(connection)

            return in_one_transaction(connection, attempt)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work that writes nothing, in one transaction.

        Raises:
            EnvironmentFault: the database failed.
        """
        with self._held() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")
            with connection.begin():
                allow_idling(connection)  # a handful of messages may be made in between
                return work(connection)

    def close(self) -> None:
        """Give the connection up; the next use opens another one."""
        with self._one_at_a_time:
            if self._connection is not None:
                self._connection.invalidate()
                self._connection.close()
                self._connection = None

    @contextmanager
    def _held(self) -> Iterator[Connection]:
        with self._one_at_a_time, database_faults():
            if self._connection is None:
                self._connection = self._engine.connect()
                bound_cache(self._connection, CACHE_KIB)
            try:
                yield self._connection
            except EnvironmentFault:
                raise
            except BaseException:
                self.close()
                raise
