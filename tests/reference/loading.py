"""Writing a world into the real tables, as an import would."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reference.view import Passed
from reference.world import Happening, Person, World
from sqlalchemy import Connection, Engine, Table, insert, select, update

from orchestrator import tables
from orchestrator.columns import EVER
from orchestrator.values import Typed, members, parse_value

Rows = list[dict[str, Any]]


def load(engine: Engine, world: World, zone: ZoneInfo, whole: World | None = None) -> None:
    """Write every fact of the world, none of which the tables have yet.

    Events get their row ids in an order that has nothing to do with time or ``source_id``.

    Args:
        whole: all that was ever imported, if ``world`` is only what came since.
    """
    with engine.begin() as connection:
        _add(connection, tables.customer, [_customer(one) for one in world.people])
        ids = customer_ids(connection)
        for external, since in _first_events(whole or world).items():
            connection.execute(
                update(tables.customer)
                .where(tables.customer.c.external_id == external)
                .values(first_event_at=since)
            )
        _attributes(connection, world.people, ids, zone)
        _events(connection, world.happenings, ids, zone)
        _add(connection, tables.consent, [_consent(act, ids) for act in world.consents])
        _add(connection, tables.receipt, [_receipt(one, ids) for one in world.receipts])
        _add(
            connection,
            tables.suppression,
            [
                {"kind": kind, "address": address, "reason": "import", "at": EVER}
                for kind, address in sorted(world.suppressed)
            ],
        )
        changed = _changed(world, whole or world)
        _add(connection, tables.dirty, [{"customer_id": ids[one]} for one in sorted(changed)])


def _changed(world: World, whole: World) -> set[str]:
    """Return the customers about whom these facts say something."""
    told = {person.external_id for person in world.people}
    for facts in (world.happenings, world.consents, world.receipts):
        told |= {fact.customer for fact in facts}
    told |= {
        person.external_id
        for person in whole.people
        for kind, address in world.suppressed
        if getattr(person, kind) == address
    }
    return told


def customer_ids(connection: Connection) -> dict[str, int]:
    """Return external id → row id."""
    found = connection.execute(select(tables.customer.c.external_id, tables.customer.c.id))
    return {external: id for external, id in found}


def _add(connection: Connection, table: Table, rows: Rows) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _first_events(world: World) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for one in world.happenings:
        found[one.customer] = min(one.occurred_at, found.get(one.customer, one.occurred_at))
    return found


def _customer(person: Person) -> dict[str, Any]:
    return {
        "external_id": person.external_id,
        "base": person.base,
        "email": person.email,
        "phone": person.phone,
        "push_token": person.push_token,
        "locale": person.locale,
        "timezone": person.timezone,
        "preferred_channel": person.preferred_channel,
        "created_at": person.created_at,
    }


def load_runs(engine: Engine, runs: Iterable[Passed]) -> None:
    """Write runs as ticks would have left them."""
    with engine.begin() as connection:
        ids = customer_ids(connection)
        rows: Rows = [
            {
                "flow": run.flow,
                "customer_id": ids[run.customer],
                "entry": run.entry,
                "release": "",
                "start": "did",
                "occurrence": f"event:{run.entry}",
                "entry_at": run.at,
                "entered_at": run.at,
                "status": "active" if run.ended is None else "ended",
                "ended_at": run.ended,
            }
            for run in runs
        ]
        _add(connection, tables.enrollment, rows)


def _typed(value: Typed) -> dict[str, Any]:
    return value._asdict()


def _attributes(
    connection: Connection, people: Iterable[Person], ids: dict[str, int], zone: ZoneInfo
) -> None:
    values: Rows = []
    items: Rows = []
    for person in people:
        owner = ids[person.external_id]
        for name, raw in person.attributes.items():
            typed = parse_value(raw, zone)
            if typed.text is None:
                continue
            values.append({"name": name, "customer_id": owner, **_typed(typed)})
            items += [
                {"name": name, "item": item, "customer_id": owner}
                for item in dict.fromkeys(members(typed.text))
            ]
    _add(connection, tables.attribute_value, values)
    _add(connection, tables.attribute_item, items)


def _events(
    connection: Connection, happenings: Iterable[Happening], ids: dict[str, int], zone: ZoneInfo
) -> None:
    shuffled = sorted(happenings, key=lambda one: one.source_id[::-1])
    rows = [
        {
            "customer_id": ids[one.customer],
            "name": one.name,
            "occurred_at": one.occurred_at,
            "received_at": one.occurred_at,
            "source_id": one.source_id,
            "properties": json.dumps(dict(one.properties)),
        }
        for one in shuffled
    ]
    _add(connection, tables.event, rows)
    found = connection.execute(select(tables.event.c.source_id, tables.event.c.id))
    numbers: dict[str, int] = {source: id for source, id in found}
    values = [
        {
            "name": f"{one.name}.{prop}",
            "customer_id": ids[one.customer],
            "occurred_at": one.occurred_at,
            "event_id": numbers[one.source_id],
            **_typed(typed),
        }
        for one in shuffled
        for prop, raw in one.properties.items()
        if (typed := parse_value(raw, zone)).text is not None
    ]
    _add(connection, tables.event_value, values)


def _consent(act: Any, ids: dict[str, int]) -> dict[str, Any]:
    return {
        "customer_id": ids[act.customer],
        "topic": act.topic,
        "withdrawn": int(act.withdrawn),
        "at": EVER if act.at is None else act.at,
        "source": "import",
    }


def _receipt(one: Any, ids: dict[str, int]) -> dict[str, Any]:
    return {
        "customer_id": ids[one.customer],
        "message": one.message,
        "kind": one.kind,
        "at": one.at,
        "flow": one.flow,
        "channel": one.channel,
        "source_id": one.source_id,
    }
