"""Writing events: new ones only, with their values, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from sqlalchemy import Connection, text

from orchestrator.clock import utcnow
from orchestrator.columns import to_micros
from orchestrator.importing.events import Events
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import People
from orchestrator.importing.staging import fill, temp_table, write_new
from orchestrator.values import Typed

EVENT_COLUMNS = (
    "id",
    "customer_id",
    "name",
    "occurred_at",
    "received_at",
    "source_id",
    "properties",
)
VALUE_COLUMNS = ("name", "customer_id", "occurred_at", "event_id", *Typed._fields)


def write_events(connection: Connection, events: Events, people: People, outcome: Outcome) -> None:
    """Write the events that are not there yet, their values, and whom they touch.

    Of equal ``source_ids`` the first counts.
    """
    total = len(events)
    seen = set(events.source_ids)
    if len(seen) < total:
        firsts = dict(zip(reversed(events.source_ids), range(total - 1, -1, -1), strict=True))
        kept = set(firsts.values())
        events = events.only([number in kept for number in range(total)])
    if events.named_by_file:
        events = _without_strangers(connection, events, people)
    ids, made = people.ensure(connection, events.customers)
    customers = [ids[one] for one in events.customers]
    if connection.dialect.name == "sqlite":
        written = _write_to_sqlite(connection, events, customers, people)
    else:
        written = _write_to_postgres(connection, events, customers)
    outcome.customers_created += made
    outcome.loaded += written
    outcome.unchanged += total - written


def _without_strangers(connection: Connection, events: Events, people: People) -> Events:
    """Leave out what is known already of unknown customers: it must not create them."""
    strangers = set(events.customers) - people.find(connection, events.customers).keys()
    if not strangers:
        return events
    theirs = [one in strangers for one in events.customers]
    temp_table(connection, "incoming_source", "source_id TEXT PRIMARY KEY")
    rows = [(source,) for source, mine in zip(events.source_ids, theirs, strict=True) if mine]
    fill(connection, "incoming_source", ("source_id",), sorted(rows))
    known = set(
        connection.scalars(
            text("SELECT source_id FROM incoming_source JOIN event USING (source_id)")
        )
    )
    return events.only([source not in known for source in events.source_ids])


def _write_to_sqlite(
    connection: Connection, events: Events, customers: Sequence[int], people: People
) -> int:
    """Write with ids of our own: the transaction began with the write lock, nobody else writes."""
    last: int = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM event").scalar() or 0
    row_ids = range(last + 1, last + 1 + len(events))
    now = [to_micros(utcnow())] * len(events)
    rows = zip(
        row_ids,
        customers,
        events.names,
        events.instants,
        now,
        events.source_ids,
        events.properties,
        strict=True,
    )
    written = write_new(connection, "event", EVENT_COLUMNS, list(rows))
    numbers = sorted(range(len(events)), key=customers.__getitem__)
    if written < len(events):
        fresh = set(
            connection.scalars(text("SELECT id FROM event WHERE id > :last"), {"last": last})
        )
        numbers = [number for number in numbers if row_ids[number] in fresh]
    _write_values(connection, events, customers, numbers, last + 1)
    earliest: dict[int, int] = {}
    for number in numbers:
        customer, instant = customers[number], events.instants[number]
        if instant < earliest.get(customer, instant + 1):
            earliest[customer] = instant
    _touch(connection, people.untouched(earliest))
    return written


def _write_values(
    connection: Connection,
    events: Events,
    customers: Sequence[int],
    numbers: Sequence[int],
    first_id: int,
) -> None:
    """Write the values of those events, in the order of the table: its pages are filled once."""
    names, instants = events.names, events.instants
    for key in events.values:
        full = {name: f"{name}.{key}" for name in set(names)}
        column = events.values[key]
        rows = [
            (full[names[number]], customers[number], instants[number], first_id + number, *typed)
            for number in numbers
            if (typed := column[number]) is not None
        ]
        rows.sort(key=itemgetter(0))
        fill(connection, "event_value", VALUE_COLUMNS, rows)


def _touch(connection: Connection, earliest: dict[int, int]) -> None:
    """Keep each customer's first event, and put them on the next tick's work list."""
    temp_table(connection, "incoming_touch", "customer_id INTEGER PRIMARY KEY, at BIGINT")
    fill(connection, "incoming_touch", ("customer_id", "at"), sorted(earliest.items()))
    connection.execute(_KEEP_FIRST)
    connection.execute(_MARK_DIRTY)


_KEEP_FIRST = text(
    "UPDATE customer SET first_event_at = i.at FROM incoming_touch i"
    " WHERE customer.id = i.customer_id"
    " AND (customer.first_event_at IS NULL OR customer.first_event_at > i.at)"
)
_MARK_DIRTY = text(
    "INSERT INTO dirty (customer_id) SELECT customer_id FROM incoming_touch WHERE true"
    " ORDER BY customer_id ON CONFLICT DO NOTHING"
)


def _write_to_postgres(connection: Connection, events: Events, customers: Sequence[int]) -> int:
    """Write through staging tables: others may be writing the same events right now."""
    temp_table(
        connection,
        "incoming_event",
        "line BIGINT, customer_id BIGINT, name TEXT, occurred_at BIGINT, received_at BIGINT,"
        " source_id TEXT, properties TEXT",
    )
    temp_table(
        connection,
        "incoming_event_value",
        "line BIGINT, name TEXT, text TEXT, number DOUBLE PRECISION, scaled BIGINT, money BIGINT,"
        " instant BIGINT, on_date INTEGER, truth INTEGER",
    )
    temp_table(connection, "incoming_touch", "customer_id BIGINT PRIMARY KEY, at BIGINT")
    lines = range(len(events))
    now = [to_micros(utcnow())] * len(events)
    rows = zip(
        lines,
        customers,
        events.names,
        events.instants,
        now,
        events.source_ids,
        events.properties,
        strict=True,
    )
    fill(connection, "incoming_event", ("line", *EVENT_COLUMNS[1:]), list(rows))
    for key, column in events.values.items():
        full = {name: f"{name}.{key}" for name in set(events.names)}
        values = [
            (line, full[name], *typed)
            for line, name, typed in zip(lines, events.names, column, strict=True)
            if typed is not None
        ]
        fill(connection, "incoming_event_value", ("line", "name", *Typed._fields), values)
    written: int = connection.execute(_INSERT_EVENTS).scalar() or 0
    if written:
        connection.execute(_KEEP_FIRST)
        connection.execute(_MARK_DIRTY)
    return written


_INSERT_EVENTS = text(
    "WITH fresh AS ("
    " INSERT INTO event (customer_id, name, occurred_at, received_at, source_id, properties)"
    " SELECT customer_id, name, occurred_at, received_at, source_id, properties"
    " FROM incoming_event ORDER BY line ON CONFLICT DO NOTHING"
    " RETURNING id, customer_id, occurred_at, source_id"
    "), filled AS ("
    " INSERT INTO event_value (name, customer_id, occurred_at, event_id,"
    " text, number, scaled, money, instant, on_date, truth)"
    " SELECT v.name, f.customer_id, f.occurred_at, f.id,"
    " v.text, v.number, v.scaled, v.money, v.instant, v.on_date, v.truth"
    " FROM fresh f JOIN incoming_event e USING (source_id) JOIN incoming_event_value v USING (line)"
    " ORDER BY v.name, f.customer_id, f.occurred_at"
    "), touched AS ("
    " INSERT INTO incoming_touch SELECT customer_id, min(occurred_at) FROM fresh GROUP BY 1"
    ") SELECT count(*) FROM fresh"
)
