"""One run per customer and value of a property: the ``key`` of a flow (semantics 37)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, case, cast, func, null, select, true

from orchestrator import tables
from orchestrator.columns import exact_text
from orchestrator.criteria.values import COLUMNS
from orchestrator.flow.base import Start
from orchestrator.tables.reading import aliased
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.values import parse_value

_TEXT = exact_text()


def key_value(tick: Tick, live: LiveFlow, start: Start, rows: FromClause) -> ColumnElement[Any]:
    """Return the key of each occurrence, as text; NULL if it is missing, or the flow has none.

    Args:
        start: by an event, where the flow has a key.
        rows: occurrences with ``customer_id``, ``entry_at`` and ``entry_event_id``.
    """
    key = live.flow.key
    if key is None:
        return cast(null(), _TEXT)
    values = aliased(tables.event_value)
    query = select(
        _canonical(values, tick.names.property_type(start.operand, key) or "text")
    ).where(
        values.c.name == f"{start.operand}.{key}",
        values.c.customer_id == rows.c.customer_id,
        values.c.occurred_at == rows.c.entry_at,
        values.c.event_id == rows.c.entry_event_id,
    )
    return query.correlate(rows).scalar_subquery()


def _canonical(values: FromClause, type: str) -> ColumnElement[Any]:
    """Return one text for all spellings of a value; NULL if it is none of that type."""
    said: ColumnElement[Any] = values.c.text
    if type in ("number", "money"):
        # units of 1/10,000; what has more decimals is its own spelling
        said = func.coalesce(cast(values.c.money, _TEXT), said)
    elif type == "date":
        said = cast(cast(values.c.on_date, BigInteger), _TEXT)
    elif type == "datetime":
        said = cast(cast(values.c.instant, BigInteger), _TEXT)
    return case((values.c[COLUMNS[type]].is_not(None), said))


def written_key(tick: Tick, live: LiveFlow, key: str) -> str | None:
    """Return the one text of a key that a person wrote; None if no start can have such a key."""
    typed = parse_value(key, tick.zone)
    for start in live.flow.starts_when:
        type = tick.names.property_type(str(start.operand), str(live.flow.key)) or "text"
        if not typed.reads_as(type):
            continue
        plain = {"number": typed.money, "money": typed.money, "date": typed.on_date,
                 "datetime": typed.instant}.get(type)  # fmt: skip
        return typed.text if plain is None else str(plain)
    return None


def same_key(live: LiveFlow, one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Return whether two runs or occurrences of a flow count together."""
    if live.flow.key is None:
        return true()
    test: ColumnElement[bool] = one.c.key_value == other.c.key_value
    return test
