"""The switch that works when nothing else does: a file, or a variable, and nothing leaves.

Looked at before every call to a provider, so it also stops what is already marked, and it
needs no database.
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
FRESH_SECONDS = 0.25
"""How old a look may be."""


@dataclass
class Switch:
    """Says whether messages may leave, as far as the switch goes."""

    file: Path
    elapsed: Callable[[], float] = monotonic
    _looked: float = float("-inf")
    _off: bool = False

    def is_off(self) -> bool:
        """Return whether nothing is to leave; a look is at most a quarter of a second old."""
        now = self.elapsed()
        if now - self._looked >= FRESH_SECONDS:
            self._off = os.environ.get(SEND_VARIABLE, "").lower() == "off" or self.file.exists()
            self._looked = now
        return self._off
