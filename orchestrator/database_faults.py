"""What a failing database says, as one sentence for the person at the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from orchestrator.errors import EnvironmentFault

_FULL = "The disk with the database is full; nothing of this step was kept."
_LOCKED = "The database is locked by another process; try again when it has finished."
_READ_ONLY = "The database cannot be written: the file, its folder or the disk is read-only."
_DENIED = "The database refuses this user the right to do that."
_LOST = "The connection to the database was lost; nothing of this step was kept."
_UNANSWERED = "No database server answers at this host and port."
_WRONG_LOGIN = "The database refused the user name or the password."

SQLITE_SENTENCES = {
    "SQLITE_FULL": _FULL,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": "The database file cannot be opened: no such folder, or no permission.",
    "SQLITE_PERM": "The database file cannot be opened: no permission.",
    "SQLITE_NOTADB": "The file is not a database file.",
    "SQLITE_CORRUPT": "The database file is damaged; restore it from a backup.",
    "SQLITE_IOERR": "The disk with the database cannot be read or written; see whether it is full.",
    "SQLITE_TOOBIG": "A value is too large for the database.",
    "SQLITE_NOMEM": "There is not enough memory for this.",
}
"""SQLite result code (its extended forms begin the same) → sentence."""

SQLSTATE_SENTENCES = {
    "53100": _FULL,
    "55P03": _LOCKED,
    "40P01": _LOCKED,
    "40001": _LOCKED,
    "57014": "The database gave up: a statement ran longer than its statement_timeout.",
    "25006": _READ_ONLY,
    "25P03": "The database gave up: a transaction stood idle for too long.",
    "42501": _DENIED,
    "3D000": "There is no such database on this server.",
    "28": _WRONG_LOGIN,
    "08": _LOST,
    "57P": _LOST,
    "53": "The database server is out of memory, connections or other resources.",
    "58": "The database server cannot read or write its disk.",
}
"""PostgreSQL SQLSTATE, or how a class of them begins → sentence; the longest match counts."""

CONNECT_SENTENCES = {
    "password authentication failed": _WRONG_LOGIN,
    "no password supplied": _WRONG_LOGIN,
    "role .* does not exist": _WRONG_LOGIN,
    "no pg_hba.conf entry": "The database server lets no one in from here with this user.",
    "database .* does not exist": SQLSTATE_SENTENCES["3D000"],
    "resolve host|translate host|Name or service not known|nodename nor servname": (
        "There is no such database host."
    ),
    "Connection refused": _UNANSWERED,
    "No such file or directory": "No database server answers at this socket.",
    "timeout|timed out": "The database server did not answer in time.",
    "too many (clients|connections)": "The database server has no connection to spare.",
    "server closed the connection|connection is lost|connection is closed|terminating connection": (
        _LOST
    ),
}
"""What libpq says before there is a SQLSTATE (a pattern) → sentence."""


@contextmanager
def database_faults() -> Iterator[None]:
    """Turn what the database or its driver raises inside into ``EnvironmentFault``.

    Faults of our own statements (a missing column, a broken constraint) pass through: they are
    bugs. No sentence repeats the driver's words where those may hold an address or a password.
    """
    try:
        yield
    except DBAPIError as error:
        sentence = fault_sentence(error.orig)
        if sentence is None:
            raise
        raise EnvironmentFault(sentence, help=_help_for(sentence)) from error
    except OSError as error:
        if error.errno is None or error.errno not in _FULL_ERRNOS:
            raise
        raise EnvironmentFault(_FULL) from error
    except Exception as error:
        sentence = fault_sentence(error)
        if sentence is None:
            raise
        raise EnvironmentFault(sentence, help=_help_for(sentence)) from error


_FULL_ERRNOS = {28, 122}
"""ENOSPC, EDQUOT."""


_IN_THE_WAY = frozenset(("40001", "40P01", "55P03", "55006"))
"""Serialization failure, deadlock, lock not available, object in use."""


def stood_in_the_way(error: BaseException | None) -> bool:
    """Return whether only another transaction was in the way, so that a new try may do."""
    name = getattr(error, "sqlite_errorname", None)
    if isinstance(name, str):
        return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return getattr(error, "sqlstate", None) in _IN_THE_WAY


def fault_sentence(error: BaseException | None) -> str | None:
    """Return the sentence for a driver's exception, None if it is not the environment's fault."""
    name = getattr(error, "sqlite_errorname", None)
    if isinstance(name, str):
        return next(
            (said for code, said in SQLITE_SENTENCES.items() if name.startswith(code)), None
        )
    if type(error).__module__.partition(".")[0] != "psycopg":
        return None
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        known = [code for code in SQLSTATE_SENTENCES if state.startswith(code)]
        return SQLSTATE_SENTENCES[max(known, key=len)] if known else None
    if type(error).__name__ not in ("OperationalError", "ConnectionTimeout"):
        return None
    for pattern, sentence in CONNECT_SENTENCES.items():
        if re.search(pattern, str(error), re.IGNORECASE):
            return _with_address(sentence, str(error))
    return "The database server cannot be reached."


_ADDRESS = re.compile(r'server at "([^"]+)"(?: \([^)]*\))?, port (\d+)')
"""How libpq names who did not answer; no user and no password stand there."""


def _with_address(sentence: str, driver_says: str) -> str:
    found = _ADDRESS.search(driver_says) if sentence == _UNANSWERED else None
    return f"No database server answers at {found[1]}, port {found[2]}." if found else sentence


def _help_for(sentence: str) -> str | None:
    if not sentence.startswith("No database server answers"):
        return None
    return "start the server, or say where it is: --db, or CLM_DATABASE_URL"
