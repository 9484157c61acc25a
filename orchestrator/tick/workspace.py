"""The TEMP tables a tick works in, one set per connection.

Nothing here outlives the connection, and nothing of it is seen by any other: this is
what lets a dry run be the real tick. ``tick_*`` tables hold this tick's changes; the
``Facts`` made from them lay the changes over the tables. ``temp_tables`` creates them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    text,
)

from orchestrator import tables
from orchestrator.columns import Instant, LocalDate, exact_text

work = MetaData()
_TEXT = exact_text()


def _work_table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, work, *columns, prefixes=["TEMPORARY"])


def _text(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, _TEXT, primary_key=key)


def _big(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, BigInteger, primary_key=key, autoincrement=False)


def _small(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, Integer, primary_key=key, autoincrement=False)


def _instant(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, Instant, primary_key=key, autoincrement=False)


zone = _work_table("tick_zone", _text("name", key=True), _small("local_day"))
"""The raw time zones of the customers ('' for none) and the local day of now there."""

span = _work_table(
    "tick_span",
    _small("key"),
    _text("zone"),
    _big("low"),
    _big("high"),
    _big("at"),
    _small("year"),
    Index("tick_span_by_zone", "key", "zone", "low"),
)
"""The rows of ``criteria.facts.SpanRow``, each set under its key."""

member = _work_table("tick_member", _big("customer_id", key=True), _text("name"))
"""The answer of the stage model or segment being evaluated."""

stage_opened = _work_table(
    "tick_stage_opened",
    _big("customer_id", key=True),
    _instant("began_at", key=True),
    _text("stage"),
    _small("silent"),
    _small("first_seen"),
)
stage_closed = _work_table(
    "tick_stage_closed",
    _big("customer_id", key=True),
    _instant("began_at", key=True),
    _text("stage", key=True),
    _instant("ended_at"),
    _small("ended_silent"),
)
segment_opened = _work_table(
    "tick_segment_opened",
    _text("segment", key=True),
    _big("customer_id", key=True),
    _instant("began_at", key=True),
    _small("silent"),
    _small("first_seen"),
)
segment_closed = _work_table(
    "tick_segment_closed",
    _text("segment", key=True),
    _big("customer_id", key=True),
    _instant("began_at", key=True),
    _instant("ended_at"),
    _small("ended_silent"),
)

noted = _work_table("tick_noted", _big("id", key=True), _big("customer_id"))
"""The rows of the work list ``dirty`` that this tick saw."""

due = _work_table("tick_due", _big("customer_id", key=True))
"""The customers whom this tick must look at; everybody, if it is a full one."""

swept = _work_table("tick_swept", _text("unit", key=True), _big("customer_id", key=True))
"""Unit (the stage model, a segment, or '' for all flows) → whose answer the clock may flip."""

entry = _work_table(
    "tick_entry",
    _text("flow"),
    _big("customer_id"),
    _text("start"),
    _text("occurrence"),
    _instant("occurred_at"),
    _text("tie"),
    _text("key_value"),
    _small("place"),
    _instant("entry_at"),
    _big("entry_event_id"),
    _small("entry"),
    _small("recorded"),
    _text("reason"),
    Index("tick_entry_by_customer", "flow", "customer_id"),
)
"""Occurrences that this tick saw first: who may enter, and why others may not.

``place`` and ``tie`` order the occurrences of one instant; ``recorded`` marks those that
are kept as rows whatever came of them (semantics 33)."""

run = _work_table(
    "tick_run",
    _text("flow", key=True),
    _big("customer_id", key=True),
    _small("entry", key=True),
    _text("start"),
    _text("occurrence"),
    _text("key_value"),
    _instant("entry_at"),
    _big("entry_event_id"),
    _instant("entered_at"),
    _text("status"),
    _text("step"),
    _instant("reached_at"),
    _instant("due_at"),
    _text("held_reason"),
    _text("exit_reason"),
    _text("exit_detail"),
    _instant("ended_at"),
    _small("ended_late"),
    _small("is_new"),
    _small("lap"),
    _text("version"),
    _small("moving"),
    _small("tried"),
    Index(
        "tick_run_moving",
        "flow",
        "step",
        sqlite_where=text("moving = 1"),
        postgresql_where=text("moving = 1"),
    ),
)
"""Runs this tick touches. ``moving`` runs are about to do ``step``; ``tried`` ones stood
at a send that this tick has already asked the gate about."""

lap = _work_table(
    "tick_lap",
    _text("flow", key=True),
    _big("customer_id", key=True),
    _small("entry", key=True),
    _text("step", key=True),
    _small("number"),
    _instant("began_at"),
)
"""The latest round of each ``repeat``, of the runs this tick touches."""

result = _work_table(
    "tick_result",
    _text("flow", key=True),
    _big("customer_id", key=True),
    _small("entry", key=True),
    _text("step", key=True),
    _text("did"),
    _instant("at"),
    _small("timed_out"),
    _big("event_id"),
)
"""What steps of this tick have brought back."""

attempt = _work_table(
    "tick_attempt",
    _text("flow", key=True),
    _big("customer_id", key=True),
    _small("entry", key=True),
    _text("step", key=True),
    _text("occurrence"),
    _text("message"),
    _text("purpose"),
    _text("topic"),
    _text("variant"),
    _text("channel"),
    _instant("reached_at"),
    _text("held_reason"),
    _small("priority"),
    _small("rank"),
    _text("later"),
    _text("decision"),
    _text("reason"),
    _big("not_before"),
    Index("tick_attempt_by_customer", "customer_id", "rank"),
)
"""The tries of one round: sends that runs stand at, and what the gate says of each.

``later`` is the first of holdout, quiet hours and slot that fails, should the channel be
found; ``not_before`` is when a message leaves that hours have held, NULL if at once;
``decision`` is NULL while every test so far was passed, and stays so for a send."""

attempt_copy = _work_table(
    "tick_attempt_copy",
    _text("flow", key=True),
    _big("customer_id", key=True),
    _small("entry", key=True),
    _text("step", key=True),
    _text("channel", key=True),
)
"""The further channels of attempts that are sent on each (semantics 53)."""


def _unnumbered(table: Table) -> list[Column[Any]]:
    """Return the columns of a table, without the id that the database gives."""
    return [Column(column.name, column.type) for column in table.columns if column.name != "id"]


message = _work_table(
    "tick_message",
    *(column for column in _unnumbered(tables.message) if column.name not in tables.DELIVERY),
    Column("not_before", BigInteger, nullable=False, server_default="0"),
    Column("set_aside", Integer, nullable=False, server_default="0"),
    Index("tick_message_by_customer", "customer_id", "decided_at"),
)
decision = _work_table("tick_decision", *_unnumbered(tables.decision), _text("occurrence"))

effect = _work_table(
    "tick_effect",
    *_unnumbered(tables.effect),
    _small("turn"),
    Index("tick_effect_by_run", "flow", "customer_id", "step"),
)
"""What steps of this tick did beside sending; ``turn`` is the order they did it in."""

consent = _work_table(
    "tick_consent",
    *_unnumbered(tables.consent),
    Index("tick_consent_by_customer", "customer_id", "topic"),
)
task = _work_table(
    "tick_task", *_unnumbered(tables.task), Index("tick_task_by_step", "customer_id")
)


def _typed_columns() -> list[Column[Any]]:
    return [
        _text("text"),
        Column("number", Double),
        _big("scaled"),
        _big("money"),
        _instant("instant"),
        Column("on_date", LocalDate),
        _small("truth"),
    ]


attribute = _work_table(
    "tick_attribute", _text("name", key=True), _big("customer_id", key=True), *_typed_columns()
)
"""Attributes as ``set`` steps of this tick left them."""

attribute_written = _work_table(
    "tick_attribute_written",
    _text("name", key=True),
    _big("customer_id", key=True),
    *_typed_columns(),
)
"""The rows of the one ``set`` under way."""

attribute_replaced = _work_table(
    "tick_attribute_replaced",
    _text("name", key=True),
    _big("customer_id", key=True),
    _text("text"),
)
"""What the tables say, as the tick sees them, of attributes that its ``set`` steps wrote."""

told = _work_table("tick_told", *_unnumbered(tables.event))
"""Events that steps of this tick write, for flows that are told and for answers."""
told_value = _work_table("tick_told_value", _text("source_id"), _text("name"), *_typed_columns())
"""Their properties, by the ``source_id`` of the event."""

replacement = _work_table("tick_replacement", _text("old", key=True), *_typed_columns())
"""Old text of a number → what it becomes, for the ``add`` under way ('' for missing)."""
