"""Loading what templates see of many customers and runs: one query per table and batch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, FromClause, bindparam, select

from orchestrator import tables
from orchestrator.columns import from_day_number
from orchestrator.flow.brought import steps_that_bring
from orchestrator.given import among
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.records.sends import CustomerFacts
from orchestrator.render.computed import computed_facts
from orchestrator.render.context import stored_attributes
from orchestrator.values import (
    COLUMNS,
    LONGEST_CACHED,
    members,
    parse_value,
    raw_text,
    typed_value,
)

BATCH = 900
"""Ids per statement: within what every SQLite takes as parameters."""
_CUSTOMER = tables.customer.c
_VALUE = tables.attribute_value.c
_EVENT = tables.event.c
_CUSTOMERS = select(
    _CUSTOMER.id, _CUSTOMER.external_id, _CUSTOMER.email, _CUSTOMER.phone,
    _CUSTOMER.push_token, _CUSTOMER.locale, _CUSTOMER.timezone,
).where(_CUSTOMER.id.in_(bindparam("ids", expanding=True)))  # fmt: skip
_EVENTS = select(_EVENT.id, _EVENT.name, _EVENT.properties).where(
    _EVENT.id.in_(bindparam("ids", expanding=True))
)


def customer_facts(
    connection: Connection,
    playbook: Playbook,
    ids: Sequence[int],
    names: Collection[str],
    now: datetime | None = None,
) -> dict[int, CustomerFacts]:
    """Return customers by row id, each with those of the named attributes that it has.

    Args:
        names: attributes, as ``Renderer.attributes_used`` tells them.
        now: the deciding tick; without it computed attributes are left out.
    """
    attributes = customer_attributes(connection, playbook, ids, names, now)
    return {
        row[0]: CustomerFacts(*row, attributes=attributes.get(row[0], {}))
        for some in _batches(ids)
        for row in connection.execute(_CUSTOMERS, {"ids": some})
    }


def customer_attributes(
    connection: Connection,
    playbook: Playbook,
    ids: Sequence[int],
    names: Collection[str],
    now: datetime | None = None,
) -> dict[int, dict[str, Any]]:
    """Return customer row id → those of the named attributes that the customer has.

    Args:
        names: attributes, as ``Renderer.attributes_used`` tells them.
        now: the deciding tick; without it computed attributes are left out.
    """
    stored = stored_attributes(playbook)
    types = {name: stored[name].type for name in names if name in stored}
    found: dict[int, dict[str, Any]] = {}
    for some in _batches(ids):
        _add_stored(found, connection, some, types)
        if now is not None:
            computed = computed_facts(connection, playbook, some, names, now)
            for id, values in computed.items():
                found.setdefault(id, {}).update(values)
    return found


def _add_stored(
    found: dict[int, dict[str, Any]],
    connection: Connection,
    ids: Sequence[int],
    types: Mapping[str, str],
) -> None:
    """Add stored values; a column that none of the types is read from is not fetched."""
    if not types:
        return
    columns = sorted({"text", *(COLUMNS[type] for type in types.values())})
    query = select(_VALUE.customer_id, _VALUE.name, *(_VALUE[name] for name in columns)).where(
        _VALUE.name.in_(bindparam("names", expanding=True)),
        among(_VALUE.customer_id, "ids"),
    )
    place = 2 + columns.index("text")
    for row in connection.execute(query, {"ids": ids, "names": sorted(types)}):
        id, name = row[0], row[1]
        type = types[name]
        value = row[place] if type == "text" else typed_value(row, type)
        if value is not None:
            found.setdefault(id, {})[name] = value


def entry_facts(
    connection: Connection, playbook: Playbook, event_ids: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Return the declared properties of events by row id, each typed as the catalog says.

    A list of mappings (the lines of an order) stays one: numbers in it are Decimal.
    """
    zone = ZoneInfo(playbook.project.timezone)
    types = names_of(playbook).events
    found: dict[int, dict[str, Any]] = {}
    for some in _batches(event_ids):
        for id, name, properties in connection.execute(_EVENTS, {"ids": some}):
            found[id] = typed_properties(properties, types.get(name, {}), zone)
    return found


def result_facts(
    connection: Connection,
    playbook: Playbook,
    runs: Collection[tuple[str, int, int]],
    results: FromClause = tables.step_result,
) -> dict[tuple[str, int, int], dict[str, dict[str, Any]]]:
    """Return what the steps of runs have brought back: run → step → name → value.

    Args:
        runs: (flow, customer row id, entry), as the keys of what is returned.
        results: where it is kept; in a tick, with what that has changed.
    """
    flows = sorted({flow for flow, _, _ in runs if _brings(playbook, flow)})
    if not flows:
        return {}
    row = results.c
    rows: list[Any] = []
    query = select(
        row.flow, row.customer_id, row.entry, row.step, row.did, row.at, row.timed_out, row.event_id
    ).where(row.flow.in_(flows))
    for some in _batches([customer for flow, customer, _ in runs if flow in flows]):
        rows += connection.execute(query.where(row.customer_id.in_(some))).all()
    events = entry_facts(connection, playbook, [one.event_id for one in rows if one.event_id])
    found: dict[tuple[str, int, int], dict[str, dict[str, Any]]] = {}
    for one in rows:
        facts = {"did": one.did, "at": one.at, "timed_out": bool(one.timed_out)}
        known = {name: value for name, value in facts.items() if value is not None}
        run = (one.flow, one.customer_id, one.entry)
        found.setdefault(run, {})[one.step] = {**events.get(one.event_id, {}), **known}
    return found


def _brings(playbook: Playbook, flow: str) -> bool:
    """Return whether a flow has steps that bring something back, now or as it was before."""
    now = playbook.flows.get(flow)
    known = [one for one in playbook.earlier if one.flow == flow] + ([now] if now else [])
    return any(steps_that_bring(one.steps) for one in known)


def typed_properties(properties: str, types: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    """Return those of an event's raw properties (a JSON object) that the catalog types."""
    raw = json.loads(properties, parse_float=Decimal)
    typed = {name: _property(raw[name], type, zone) for name, type in types.items() if name in raw}
    return {name: value for name, value in typed.items() if value is not None}


def _property(value: Any, type: str, zone: ZoneInfo) -> Any:
    if type == "list":
        return _list(value)
    text = raw_text(value)
    if text is None:
        return None
    return (_short if len(text) <= LONGEST_CACHED else _typed)(text, type, zone)


def _typed(text: str, type: str, zone: ZoneInfo) -> Any:
    return typed_value(_Parsed(text, zone), type)


_short = lru_cache(maxsize=16_384)(_typed)
"""The same for short texts, remembered: amounts and states come again and again."""


class _Parsed:
    """A raw text with the typed columns a stored row would have."""

    def __init__(self, text: str, zone: ZoneInfo) -> None:
        parsed = parse_value(text, zone)
        self.text, self.number, self.money = parsed.text, parsed.number, parsed.money
        self.instant: Any = parsed.instant
        self.on_date: Any = None if parsed.on_date is None else from_day_number(parsed.on_date)
        self.truth = parsed.truth


def _list(value: Any) -> list[Any] | None:
    if isinstance(value, str):
        if value.lstrip().startswith("[{"):
            try:
                value = json.loads(value, parse_float=Decimal)
            except (ValueError, RecursionError):
                return None
        else:
            return list(members(value))
    return value if isinstance(value, list) else None


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    unique = list(dict.fromkeys(ids))
    for begin in range(0, len(unique), BATCH):
        yield unique[begin : begin + BATCH]
