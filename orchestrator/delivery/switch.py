"""The switch that works when nothing else does: a file, or a variable, and nothing leaves.

Looked at before every call to a provider, so it also stops what is already marked, and it
needs no database. What it cannot make out stops: a slip of the pen keeps messages back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from orchestrator.settings import LOCAL_FOLDER

KILL_FILE = LOCAL_FOLDER / "STOP"
"""In the project's folder."""
SEND_VARIABLE = "CLM_SEND"
SENDS = ("", "on", "1", "true", "yes")
"""What the variable says while messages may leave, in any case; everything else stops."""
FRESH_SECONDS = 0.25
"""How old a look may be."""
_LONGEST = 20
"""So many characters of a variable are told."""


@dataclass
class Switch:
    """Says whether messages may leave, as far as the switch goes."""

    file: Path
    elapsed: Callable[[], float] = monotonic
    _looked: float = float("-inf")
    _why: str | None = None

    def is_off(self) -> bool:
        """Return whether nothing is to leave; a look is at most a quarter of a second old."""
        return self.why_off() is not None

    def why_off(self) -> str | None:
        """Return what of the switch is set, as old as ``is_off``; None lets messages leave."""
        now = self.elapsed()
        if now - self._looked >= FRESH_SECONDS:
            self._why = " and ".join(filter(None, (_why_of_file(self.file), _why_of_variable())))
            self._looked = now
        return self._why or None


def _why_of_file(file: Path) -> str | None:
    """Say that the file is there, whatever it is: a link to nothing counts."""
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"{file} cannot be looked for ({error.strerror})"
    return f"{file} is there"


def _why_of_variable() -> str | None:
    said = os.environ.get(SEND_VARIABLE, "").strip()
    if said.lower() in SENDS:
        return None
    if said.lower() == "off":
        return f"{SEND_VARIABLE} is off"
    return f"{SEND_VARIABLE} is {said[:_LONGEST]!r}, which is not on"
