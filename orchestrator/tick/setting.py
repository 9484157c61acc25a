"""Writing attributes in a tick: the ``set`` step (semantics 47)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
)

from orchestrator import tables
from orchestrator.criteria.names import CUSTOMER_COLUMNS
from orchestrator.language.literals import Literal, Reference
from orchestrator.tables.reading import aliased
from orchestrator.tick import temp_tables, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.showing import show_attributes
from orchestrator.values import Typed, parse_value

TYPED = Typed._fields
run = workspace.run


def set_attribute(tick: Tick, which: ColumnElement[bool], name: str, value: Any) -> None:
    """Write an attribute of the customers of some runs; conditions see it at once.

    Args:
        which: the runs, as a test of ``workspace.run``; of each customer one at most.
        value: a ``Literal`` (a value, ``$customer.x``, ``$entry.x``, ``$answer.x``) or an ``Add``.
    """
    if not isinstance(value, Literal):
        typed, rows = _sums(tick, which, name, value.add)
    elif isinstance(value.value, Reference):
        typed, rows = _copies(tick, value.value)
    else:
        parsed = parse_value(value.text, tick.zone)
        typed = [
            literal(found, workspace.attribute.c[column].type)
            for column, found in zip(TYPED, parsed, strict=True)
        ]
        rows = run
    wanted = workspace.attribute_written
    tick.execute(delete(wanted))
    query = select(literal(name), run.c.customer_id, *typed).select_from(rows).where(which)
    columns = ["name", "customer_id", *TYPED]
    tick.execute(insert(wanted).from_select(columns, query))
    written = workspace.attribute
    tick.execute(
        delete(written).where(
            written.c.name == name,
            exists(
                select(wanted.c.name)
                .where(wanted.c.name == name, wanted.c.customer_id == written.c.customer_id)
                .correlate(written)
            ),
        )
    )
    tick.execute(insert(written).from_select(columns, select(*(wanted.c[c] for c in columns))))
    show_attributes(tick)


def note_replaced(tick: Tick) -> None:
    """Note what the attributes that were set are in the tables, as this tick has seen them."""
    written, stored, noted = (
        workspace.attribute,
        tables.attribute_value,
        workspace.attribute_replaced,
    )
    if temp_tables.is_empty(tick.connection, written):
        return
    key = ("name", "customer_id")
    same = and_(*(temp_tables.leading(written.c[name]) == stored.c[name] for name in key))
    columns = [stored.c[column.name] for column in noted.columns]
    query = select(*columns).join_from(written, stored, same)
    tick.execute(insert(noted).from_select([column.name for column in columns], query))


def in_turns(tick: Tick, which: ColumnElement[bool]) -> Iterator[ColumnElement[bool]]:
    """Yield the runs of one step in parts: of each customer one run, by entry (semantics 47).

    Only a flow with a ``key`` has several runs of one customer.
    """
    others = select(func.count().label("runs")).where(which).group_by(run.c.customer_id).subquery()
    most = tick.connection.scalar(select(func.max(others.c.runs))) or 0
    if most <= 1:
        yield which
        return
    earlier = aliased(run)
    same = [earlier.c[name] == run.c[name] for name in ("flow", "customer_id", "step", "moving")]
    turn = select(func.count()).where(*same, earlier.c.entry < run.c.entry).correlate(run)
    for number in range(most):
        yield and_(which, turn.scalar_subquery() == number)


def _sums(
    tick: Tick, which: ColumnElement[bool], name: str, added: Decimal
) -> tuple[Sequence[Any], FromClause]:
    """Return the typed columns of present value + ``added``; a missing one counts as 0.

    Sums are made in Python, exactly, once per different present value.
    """
    values, sums = aliased(tick.facts.attributes), workspace.replacement
    old = func.coalesce(case((values.c.number.is_not(None), values.c.text)), "")
    rows = run.outerjoin(
        values, and_(values.c.name == name, values.c.customer_id == run.c.customer_id)
    )
    present = tick.connection.scalars(select(old).select_from(rows).where(which).distinct()).all()
    tick.execute(delete(sums))
    tick.insert(sums, [{"old": text, **_sum(tick, text, added)} for text in present])
    joined = rows.join(sums, sums.c.old == old)
    return [sums.c[column] for column in TYPED], joined


def _sum(tick: Tick, text: str, added: Decimal) -> dict[str, Any]:
    total = Decimal(text or "0") + added
    return parse_value(f"{total:f}", tick.zone)._asdict()


def _copies(tick: Tick, reference: Reference) -> tuple[Sequence[Any], FromClause]:
    """Return the typed columns of another value of the same customer or run."""
    if reference.root == "customer":
        return _of_customer(tick, reference.name)
    if reference.root == "entry":
        known: dict[str, dict[str, ColumnElement[Any]]] = {
            "at": {"instant": run.c.entry_at},
            "start": {"text": run.c.start},
        }
        if reference.name in known:
            return _filled(known[reference.name]), run
        return _of_event(run, run.c.entry_event_id, reference.name)
    return _of_result(tick, reference)


def _of_customer(tick: Tick, name: str) -> tuple[Sequence[Any], FromClause]:
    if name in CUSTOMER_COLUMNS:
        customer = aliased(tables.customer)
        rows = run.join(customer, customer.c.id == run.c.customer_id)
        column = customer.c["external_id" if name == "id" else name]
        return _filled({"instant" if name == "created_at" else "text": column}), rows
    stored = aliased(tick.facts.attributes)
    mine = and_(stored.c.name == name, stored.c.customer_id == run.c.customer_id)
    return [stored.c[column] for column in TYPED], run.outerjoin(stored, mine)


def _of_result(tick: Tick, reference: Reference) -> tuple[Sequence[Any], FromClause]:
    """Return what ``$answer.x`` stands for: a fact of the step, or a property of its event."""
    kept = aliased(tick.facts.results)
    same = [kept.c[key] == run.c[key] for key in ("flow", "customer_id", "entry")]
    rows = run.outerjoin(kept, and_(*same, kept.c.step == reference.root))
    spelled = case((kept.c.timed_out == 1, "true"), (kept.c.timed_out == 0, "false"))
    known: dict[str, dict[str, ColumnElement[Any]]] = {
        "did": {"text": kept.c.did},
        "at": {"instant": kept.c.at},
        "timed_out": {"truth": kept.c.timed_out, "text": spelled},
    }
    if reference.name in known:
        return _filled(known[reference.name]), rows
    return _of_event(rows, kept.c.event_id, reference.name)


def _of_event(
    rows: FromClause, event_id: ColumnElement[Any], prop: str
) -> tuple[Sequence[Any], FromClause]:
    """Return the typed columns of a property of an event, beside the runs that know it."""
    known, values = aliased(tables.event), aliased(tables.event_value)
    same = and_(
        values.c.event_id == known.c.id,
        values.c.customer_id == known.c.customer_id,
        values.c.occurred_at == known.c.occurred_at,
        values.c.name == known.c.name + literal(f".{prop}"),
    )
    joined = rows.outerjoin(known, known.c.id == event_id).outerjoin(values, same)
    return [values.c[column] for column in TYPED], joined


def _filled(known: Mapping[str, ColumnElement[Any]]) -> list[Any]:
    """Return the typed columns of a value, NULL but for those that are known."""
    missing = {name: literal(None, workspace.attribute.c[name].type) for name in TYPED}
    return [known.get(name, none) for name, none in missing.items()]
