"""The note beside the project that says which database it drove last, and how far.

A database that was restored from a backup is older than the note; one that was put in the
place of another bears another id. Either might send again what was sent, so both are asked about.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, insert, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database import default_url, in_one_transaction, place_of
from orchestrator.settings import LOCAL_FOLDER

NOTE = "instance.json"


@dataclass(frozen=True)
class Memory:
    """How far a database has come."""

    instance: str
    """Its id, given at its first scheduled tick."""
    last_tick: datetime | None
    ticks: int
    asked: str | None = None
    """What the scheduler paused for and asked a person about; only in the note."""


def memory_of(connection: Connection) -> Memory:
    """Return how far the database has come; its id is empty if it has none yet."""
    row, tick = tables.instance.c, tables.tick.c
    id = connection.scalar(select(row.id).order_by(row.created_at, row.id).limit(1))
    last, count = connection.execute(select(func.max(tick.at), func.count())).one()
    return Memory(id or "", last, count)


def named(connection: Connection, memory: Memory, now: datetime) -> Memory:
    """Return the memory with an id, which is given now if there was none."""
    if memory.instance:
        return memory
    id = uuid4().hex
    connection.execute(insert(tables.instance).values(id=id, created_at=to_micros(now)))
    return replace(memory, instance=id)


def keep_note(engine: Engine, path: Path, now: datetime) -> None:
    """Note how far a database has come; what a person was asked about stays noted."""
    with engine.connect() as connection:
        memory = in_one_transaction(
            connection, lambda: named(connection, memory_of(connection), now)
        )
    before = read_note(path)
    write_note(path, replace(memory, asked=before.asked if before else None))


def note_path(project: Path, engine: Engine) -> Path:
    """Return where the note of a database is: its own file for each database of a project."""
    folder = project / LOCAL_FOLDER
    place = place_of(engine)
    if engine.url.get_backend_name() == "sqlite":
        place = str(Path(place).resolve())
        if place == str(Path(default_url(project).removeprefix("sqlite:///")).resolve()):
            return folder / NOTE
    digest = sha256(place.encode()).hexdigest()[:12]
    return folder / f"instance-{digest}.json"


def read_note(path: Path) -> Memory | None:
    """Return what the note says, None if there is none or it cannot be read."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        last = said["last_tick"]
        return Memory(
            str(said["instance"]),
            datetime.fromisoformat(last) if last else None,
            int(said["ticks"]),
            said.get("asked"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_note(path: Path, memory: Memory) -> None:
    """Write the note, whole or not at all; where it cannot be written there is none."""
    text = json.dumps(
        {
            "instance": memory.instance,
            "last_tick": memory.last_tick.isoformat() if memory.last_tick else None,
            "ticks": memory.ticks,
            "asked": memory.asked,
        },
        indent=2,
    )
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(OSError):
        if not path.parent.is_dir():
            path.parent.mkdir()
            (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(path)
