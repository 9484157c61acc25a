"""Exceptions nobody foresaw, as sentences: the database's, the system's, our own bugs."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault, OrchestratorError
from orchestrator.settings import LOCAL_FOLDER, find_project

_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^\s]*@")
_VARIABLE = re.compile(r"(--var[= ]\w+=)\S*")


class BugError(OrchestratorError):
    """This is a bug in clmctl."""

    exit_code = 70


def explain_failure(error: Exception, arguments: list[str]) -> OrchestratorError:
    """Return the error to tell for an exception that nobody foresaw.

    Faults of the database and the system exit 5, everything else is our bug: where it
    happened goes to a file, which can be passed on: it shows no customer's values.
    """
    database = sys.modules.get("sqlalchemy.exc")
    if database is not None and isinstance(error, database.DBAPIError):
        said = str(error.orig).strip().splitlines()
        return EnvironmentFault(f"the database refused: {said[0] if said else 'no reason given'}")
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return EnvironmentFault(f"{error.strerror or type(error).__name__}{where}")
    if isinstance(error, MemoryError):
        return EnvironmentFault("there is not enough memory")
    return _bug(error, arguments)


def _bug(error: Exception, arguments: list[str]) -> BugError:
    sentence = f"this is a bug in clmctl ({type(error).__name__}), not a mistake of yours"
    report = "".join(_told(error))
    moment = utcnow().strftime("%Y%m%dT%H%M%S%f")
    for folder in (*_local_folder(), Path(gettempdir())):
        path = folder / f"bug-{moment}.txt"
        try:
            folder.mkdir(exist_ok=True)
            path.write_text(f"clmctl {_masked(arguments)}\n\n{report}", encoding="utf-8")
        except OSError:
            continue
        return BugError(sentence, help=f"please report it, with {path}")
    return BugError(sentence, help="please report it; no folder to write the details to")


def _told(error: BaseException) -> Iterator[str]:
    """Yield where an exception was raised, and why; never its text, which may show a value."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _told(cause)
        yield "\nand then:\n\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"


def _masked(arguments: list[str]) -> str:
    """Return the arguments without what a URL's password and a ``--var`` say."""
    text = " ".join(_PASSWORD.sub(r"\1***@", one) for one in arguments)
    return _VARIABLE.sub(r"\1***", text)


def _local_folder() -> list[Path]:
    """Return the folder for such things of the project we stand in, if we do."""
    try:
        return [find_project(None) / LOCAL_FOLDER]
    except (OrchestratorError, OSError):
        return []
