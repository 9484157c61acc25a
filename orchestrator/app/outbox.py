"""The ledger under a person's hands: each act in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")


@contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads."""
    from orchestrator.database_faults import database_faults

    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        yield connection


def acting(engine: Engine, act: Callable[[Connection], T]) -> T:
    """Do something to the ledger whole, or not at all."""
    from orchestrator.database import in_one_transaction
    from orchestrator.database_faults import database_faults

    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        return in_one_transaction(connection, lambda: act(connection))
