"""The tables as a tick leaves them: what is kept, with what the tick has changed laid over it.

Selects alone, the same for every tick, so each is built once.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from orchestrator import tables
from orchestrator.columns import exact_text
from orchestrator.tick.workspace import attribute, message, result, run

_NO_END = null().cast(BigInteger).label("ended_at")
_NOT_SILENT = cast(literal(0), Integer).label("ended_silent")
"""As an integer: SQLite looks into a union, for the rows that are asked for, only if its parts
have the same types."""


@cache
def stays_with_changes(
    base: Table, opened: Table, closed: Table, filled: frozenset[str]
) -> FromClause:
    """Return stays as this tick has left them: base rows, closed ones closed, new ones added.

    Args:
        filled: the names of the tables, of the latter two, that have rows.
    """
    columns = ["customer_id", base.name.removesuffix("_interval"), "began_at", "silent"]
    if closed.name not in filled:
        if opened.name not in filled:
            return base
        new = select(*(opened.c[name] for name in columns), _NO_END, _NOT_SILENT)
        old = select(*(base.c[name] for name in columns), base.c.ended_at, base.c.ended_silent)
        return union_all(old, new).subquery()
    return union_all(
        _with_ends(base, closed, columns, base.c.ended_at, base.c.ended_silent),
        _with_ends(opened, closed, columns, _NO_END, _NOT_SILENT),
    ).subquery()


def _with_ends(
    stays: Table, closed: Table, columns: list[str], ended_at: Any, ended_silent: Any
) -> Select[Any]:
    keys = [name for name in columns if name != "silent"]
    joined = stays.outerjoin(closed, and_(*(stays.c[key] == closed.c[key] for key in keys)))
    return select(
        *(stays.c[name] for name in columns),
        func.coalesce(closed.c.ended_at, ended_at).label("ended_at"),
        func.coalesce(closed.c.ended_silent, ended_silent).label("ended_silent"),
    ).select_from(joined)


@cache
def messages_with_changes() -> FromClause:
    """Return the send ledger with what this tick has decided so far."""
    columns = [column.name for column in message.columns]
    return union_all(
        select(*(tables.message.c[name] for name in columns)),
        select(*(message.c[name] for name in columns)),
    ).subquery()


@cache
def with_changes(base: Table, changes: Table) -> FromClause:
    """Return the rows of a table and those that this tick adds."""
    columns = [column.name for column in base.columns if column.name in changes.columns]
    return union_all(
        select(*(base.c[name] for name in columns)),
        select(*(changes.c[name] for name in columns)),
    ).subquery()


@cache
def runs_with_changes(undecided: str | None = None) -> FromClause:
    """Return runs as entries know them: those ended before entries ended, new ones there.

    What ended later in this tick is still active: nobody sees it go before the next one.

    Args:
        undecided: a flow that is looked at as before its own entries: none of the runs that
            they opened is there, none of those that they took the place of has ended.
    """
    base = tables.enrollment
    known = true() if undecided is None else ~_by_entries(undecided)
    gone = and_(run.c.status == "ended", run.c.ended_late == 0, known)
    replaced = exists(
        select(run.c.flow).where(
            run.c.flow == base.c.flow,
            run.c.customer_id == base.c.customer_id,
            run.c.entry == base.c.entry,
            gone,
        )
    )
    ended_at = case((gone, run.c.ended_at))
    status = case((gone, "ended"), else_="active")
    return union_all(
        select(
            base.c.flow, base.c.customer_id, base.c.status, base.c.entry_at, base.c.ended_at
        ).where(~replaced),
        select(
            run.c.flow,
            run.c.customer_id,
            cast(status, exact_text()).label("status"),
            run.c.entry_at,
            cast(ended_at, BigInteger).label("ended_at"),
        ).where(or_(and_(run.c.is_new == 1, known), gone)),
    ).subquery()


def _by_entries(flow: str) -> ColumnElement[bool]:
    """Return whether the entries of a flow opened a run, or ended it for one of those."""
    ended = func.coalesce(run.c.exit_reason, "") == "restarted"
    return and_(run.c.flow == flow, or_(run.c.is_new == 1, ended))


@cache
def results_with_changes() -> FromClause:
    """Return what steps have brought back, those of this tick in place of earlier ones."""
    columns, base = [column.name for column in result.columns], tables.step_result
    keys = [column.name for column in result.primary_key.columns]
    same = and_(*(result.c[key] == base.c[key] for key in keys))
    replaced = exists(select(result.c.flow).where(same))
    return union_all(
        select(*(base.c[name] for name in columns)).where(~replaced),
        select(*(result.c[name] for name in columns)),
    ).subquery()


@cache
def attributes_with_changes() -> FromClause:
    """Return attribute values as this tick's ``set`` steps have left them."""
    columns = [column.name for column in attribute.columns]
    base = tables.attribute_value
    replaced = exists(
        select(attribute.c.name).where(
            attribute.c.name == base.c.name,
            attribute.c.customer_id == base.c.customer_id,
        )
    )
    return union_all(
        select(*(base.c[name] for name in columns)).where(~replaced),
        select(*(attribute.c[name] for name in columns)),
    ).subquery()
