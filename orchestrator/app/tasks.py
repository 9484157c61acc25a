"""What flows asked people to do: the open tasks, and one that is done."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.tasks import TaskLine


def open_tasks(engine: Engine, done_since: datetime | None = None) -> list[TaskLine]:
    """Return the open tasks, and those done at or after an instant."""
    from orchestrator.database_faults import database_faults
    from orchestrator.tasks import tasks

    with database_faults(), engine.connect() as connection:
        return tasks(connection, done_since=done_since)


def finish_task(engine: Engine, number: int, at: datetime) -> bool:
    """Mark a task done; return whether it was open.

    Raises:
        NotFoundError: there is no such task.
    """
    from orchestrator.database_faults import database_faults
    from orchestrator.tasks import mark_done

    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        with connection.begin():
            return mark_done(connection, number, at)
