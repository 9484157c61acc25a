"""When a scheduler must not simply go on, and asks a person first.

After a long gap much may be due at once; a restored or exchanged database may not know what
was sent already. In both cases nothing is ticked, all is paused, and the counts of what would
happen are told. A person's ``resume`` is remembered in the note beside the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from orchestrator.columns import to_micros
from orchestrator.scheduler.note import Memory
from orchestrator.tick.pauses import EVERYTHING, lift, pause, pauses

BY_ITSELF = "start: "
"""How the reason of a pause begins that the scheduler itself has called for."""


@dataclass(frozen=True)
class Doubt:
    """Why the scheduler asks."""

    code: str
    """``gap``, ``restored`` or ``cloned``."""
    says: str
    key: str
    """The same for the same doubt about the same state of the same database."""


def doubt_of(
    memory: Memory, note: Memory | None, now: datetime, max_gap: timedelta
) -> Doubt | None:
    """Return what speaks against going on, None if nothing does.

    Args:
        memory: how far the database says it has come.
        note: how far the note beside the project says it had come; None without a note.
    """
    last = memory.last_tick
    if last is None:
        return None
    found = of_another_past(memory, note) if note else None
    if found is None and now - last > max_gap:
        found = "gap", f"the last tick was {spoken(now - last)} ago"
    if found is None:
        return None
    code, says = found
    return Doubt(code, says, f"{code}:{memory.instance}:{to_micros(last)}")


def of_another_past(memory: Memory, note: Memory) -> tuple[str, str] | None:
    """Return the code and the words for a database that is not the one the note is about."""
    if note.instance != memory.instance:
        return "cloned", "this is not the database that was driven from here before"
    ahead = note.ticks - memory.ticks
    is_older = note.last_tick and memory.last_tick and note.last_tick > memory.last_tick
    if ahead > 0 or is_older:
        return "restored", (
            "the database is older than the last tick that was run from here: it was restored "
            "from a backup, and what was sent since then it does not know"
        )
    return None


def spoken(span: timedelta) -> str:
    """Return a span of time as people say it: ``36 hours``, ``5 minutes``."""
    minutes = int(span.total_seconds()) // 60
    if minutes >= 72 * 60:
        return f"{minutes // 1440} days"
    if minutes >= 120:
        return f"{minutes // 60} hours"
    return f"{minutes} minutes"


# --- the switch -----------------------------------------------------------------------


def pause_of_all(connection: Connection) -> str | None:
    """Return why everything is paused (empty if no reason was given), None if it is not."""
    found = pauses(connection).get(EVERYTHING)
    return None if found is None else found.reason or ""


def pause_all(connection: Connection, doubt: Doubt, now: datetime) -> None:
    """Pause everything, for a doubt; a pause that stands already stays."""
    pause(connection, EVERYTHING, now, f"{BY_ITSELF}{doubt.says}")


def lift_own_pause(connection: Connection) -> None:
    """Let everything go on, if nobody but the scheduler itself had paused it."""
    if (pause_of_all(connection) or "").startswith(BY_ITSELF):
        lift(connection, EVERYTHING)
