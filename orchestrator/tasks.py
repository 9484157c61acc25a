"""Tasks that flows gave to people: which there are, and marking them done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from orchestrator import tables
from orchestrator.columns import GREATEST, to_micros
from orchestrator.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task as it is listed."""

    id: int
    customer: str
    """External id."""
    text: str
    assign_to: str | None
    created_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    flow: str
    step: str
    entry: int


def tasks(connection: Connection, *, done_since: datetime | None = None) -> list[TaskLine]:
    """Return the open tasks, those due first, then by id.

    Args:
        done_since: list those too that were done at or after this instant.
    """
    row, customer = tables.task.c, tables.customer.c
    which: ColumnElement[bool] = row.done_at.is_(None)
    if done_since is not None:
        which = or_(which, row.done_at >= to_micros(done_since))
    query = (
        select(
            row.id, customer.external_id, row.text, row.assign_to, row.created_at, row.due_at,
            row.done_at, row.flow, row.step, row.entry,
        )
        .join_from(tables.task, tables.customer, row.customer_id == customer.id)
        .where(which)
        .order_by(row.done_at.is_not(None), row.due_at.is_(None), row.due_at, row.id)
    )  # fmt: skip
    return [TaskLine(*tuple(found)) for found in connection.execute(query)]


def mark_done(connection: Connection, number: int, at: datetime) -> bool:
    """Mark a task done, once, and put its customer on the next tick's work list.

    Returns:
        False if it was done before; then nothing changes.
    Raises:
        NotFoundError: there is no such task.
    """
    row = tables.task.c
    query = select(row.customer_id).where(row.id == number)
    found = connection.execute(query).first() if number <= GREATEST else None
    if found is None:
        raise NotFoundError(f"there is no task {number}", help="clmctl tasks list shows them")
    done = connection.execute(
        update(tables.task)
        .where(row.id == number, row.done_at.is_(None))
        .values(done_at=to_micros(at))
    )
    if not done.rowcount:
        return False
    connection.execute(insert(tables.dirty).values(customer_id=found[0]))
    return True
