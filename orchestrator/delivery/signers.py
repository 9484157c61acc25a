"""Which secret the links of a database are signed with, so that none takes its place unseen.

The database keeps the secret's public name, which every link bears and which says nothing of the
secret. A process that cannot verify what was signed with it neither sends nor answers: it would
sign links that the others do not know, and every link in messages already sent would be dead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database import in_one_transaction, insert_into
from orchestrator.database_faults import database_faults
from orchestrator.delivery.auditing import audit
from orchestrator.signing import (
    SECRET_FILE,
    SECRET_VARIABLE,
    Keys,
    SecretFault,
    keys_of,
    known_keys,
    secret_place,
)

SECRET = "secret"  # noqa: S105  # the kind of the ``control`` row; its state is the public name
WAY_OUT = (
    f"restore {SECRET_FILE} from a backup, or set {SECRET_VARIABLE} as it was where the links were "
    "made; if the secret is lost for good: clmctl db accept-secret"
)

T = TypeVar("T")


class LostSecret(SecretFault):
    """The secret that is here is not the one that links of the database are signed with."""


def signer(connection: Connection) -> str | None:
    """Return the public name of the secret that links are signed with; None before the first."""
    row = tables.control.c
    name: str | None = connection.scalar(select(row.state).where(row.kind == SECRET))
    return name


def wrong_with(signed_by: str | None, keys: Keys | None, folder: Path) -> str | None:
    """Return why a process may not sign, None if it may.

    Args:
        signed_by: what ``signer`` said.
        keys: what the process has; None is no secret at all.
        folder: the project's.
    """
    if signed_by is None or (keys is not None and keys.knows(signed_by)):
        return None
    place = secret_place(folder)
    here = f"there is no {place}" if keys is None else f"{place} is another, {keys.current.kid}"
    return f"links in messages are signed with the secret {signed_by}, and {here}"


def refuse_lost(connection: Connection, keys: Keys | None, folder: Path) -> None:
    """Refuse a secret that is not the one of the database.

    Raises:
        LostSecret: it is not.
    """
    wrong = wrong_with(signer(connection), keys, folder)
    if wrong is not None:
        raise LostSecret(wrong, help=WAY_OUT)


def refuse_another(engine: Engine, folder: Path) -> None:
    """Refuse to begin with another secret than the database's; makes and writes nothing.

    Args:
        folder: the project's.
    Raises:
        SecretFault: it is another, there is none any more, or it cannot be used.
        EnvironmentFault: the database failed.
    """
    known = known_keys(folder)
    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        refuse_lost(connection, known, folder)


def signing_keys(engine: Engine, folder: Path, now: datetime) -> Keys:
    """Return the keys to sign with, and remember whose they are; the very first may be made.

    Args:
        folder: the project's.
    Raises:
        SecretFault: the secret is not the one of the database, there is none any more, or it
            cannot be used.
        EnvironmentFault: the database failed.
    """
    known = known_keys(folder)
    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        refuse_lost(connection, known, folder)
        if known is not None and signer(connection) == known.current.kid:
            return known
    keys = known or keys_of(folder)

    def remember(connection: Connection) -> None:
        _put(connection, keys, now, only_first=True)  # of two at once, one waits and is refused
        refuse_lost(connection, keys, folder)
        _put(connection, keys, now)

    _write(engine, remember)
    return keys


def accept(engine: Engine, folder: Path, now: datetime) -> tuple[str | None, str]:
    """Let links be signed with the secret that is here, made if there is none; keeps who did it.

    Returns:
        The public names of the secret until now and of the one from now on.
    """
    keys = keys_of(folder)

    def change(connection: Connection) -> str | None:
        before = signer(connection)
        if before != keys.current.kid:
            _put(connection, keys, now)
            detail = f"in place of {before}" if before else None
            audit(connection, "accept", f"secret {keys.current.kid}", at=now, detail=detail)
        return before

    return _write(engine, change), keys.current.kid


def _put(connection: Connection, keys: Keys, now: datetime, *, only_first: bool = False) -> None:
    row = {"state": keys.current.kid, "at": to_micros(now)}
    new = insert_into(connection.dialect.name, tables.control).values(kind=SECRET, name="", **row)
    place = ["kind", "name"]
    connection.execute(
        new.on_conflict_do_nothing(index_elements=place)
        if only_first
        else new.on_conflict_do_update(index_elements=place, set_=row)
    )


def _write(engine: Engine, act: Callable[[Connection], T]) -> T:
    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        return in_one_transaction(connection, lambda: act(connection))
