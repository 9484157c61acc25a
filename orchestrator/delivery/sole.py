"""One dispatching process for one SQLite file, on one machine.

The lock is the operating system's, on a file beside the database, so it ends with the process
that holds it, however that ends. Whoever takes it knows that nobody else sends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from orchestrator.errors import EnvironmentFault

_ENDING = ".lock"


@dataclass
class Sole:
    """The right to send from one SQLite file."""

    path: Path
    _descriptor: int | None = None

    def take(self) -> bool:
        """Take the right if it is free; return whether it is ours.

        Raises:
            EnvironmentFault: the file beside the database cannot be made or locked.
        """
        from fcntl import LOCK_EX, LOCK_NB, flock  # noqa: PLC0415  # not on every system

        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise EnvironmentFault(f"{self.path} cannot be made: {reason}") from None
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            reason = error.strerror or type(error).__name__
            raise EnvironmentFault(
                f"{self.path} cannot be locked: {reason}",
                help="keep the database on a local disk, or use PostgreSQL",
            ) from None
        self._descriptor = descriptor
        return True

    def leave(self) -> None:
        """Give the right back."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def sole_of(engine: Engine) -> Sole | None:
    """Return the right to send from a SQLite file; PostgreSQL needs none."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or database in (None, "", ":memory:"):
        return None
    path = Path(str(database))
    return Sole(path.with_name(path.name + _ENDING))
