"""Telling on stderr what happens while a verb runs on, and what it goes on in spite of."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from orchestrator.cli import console

if TYPE_CHECKING:
    from orchestrator.app import LastGood
    from orchestrator.scheduler.events import Happened


def tell_event(happened: Happened) -> None:
    """Print an event to stderr; with ``--quiet`` only what is wrong."""
    from orchestrator.cli.manner import is_terminal, manner
    from orchestrator.clock import utcnow
    from orchestrator.scheduler.events import json_line, readable_line

    if manner.quiet and happened.level == "info":
        return
    line = readable_line if is_terminal(sys.stderr) else json_line
    # Lanes tell from their own threads: a line and its end in one write cannot be torn apart.
    sys.stderr.write(line(happened, utcnow()) + "\n")
    sys.stderr.flush()


def warn_of_files(known: LastGood) -> None:
    """Say so if the project's files of today do not load."""
    if known.warning:
        console.warn(known.warning)
