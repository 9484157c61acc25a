"""Writing events: new ones only, with their values, in the caller's transaction.

Events go in as the file has them: logs are in the order of time, as the table and most of its
indexes are. Values go in by event name and customer, as they stand in their table: its pages
are then filled one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from orchestrator.clock import utcnow
from orchestrator.columns import to_micros
from orchestrator.importing.events import Events, picker
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
    if len(set(events.source_ids)) < total:
        firsts = dict(zip(reversed(events.source_ids), range(total - 1, -1, -1), strict=True))
        events = events.chosen(sorted(firsts.values()))
    if events.named_by_file:
        events = _without_strangers(connection, events, people)
    by_name, made = people.ensure(connection, events.customers)
    customers: Sequence[int] = [by_name[one] for one in events.customers]
    ids = _free_ids(connection, len(events))
    events, customers, ids = _write(connection, events, customers, ids)
    _write_values(connection, events, customers, ids)
    _touch(connection, people.untouched(_earliest(customers, events.instants)))
    outcome.customers_created += made
    outcome.loaded += len(events)
    outcome.unchanged += total - len(events)


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


def _free_ids(connection: Connection, count: int) -> Sequence[int]:
    """Return as many ids for events, rising, that nobody else takes."""
    if connection.dialect.name == "postgresql":
        return connection.scalars(_NEXT_IDS, {"count": count}).all()
    # The transaction began with the write lock: nobody else writes.
    last: int = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM event").scalar() or 0
    return range(last + 1, last + 1 + count)


_NEXT_IDS = text(
    "SELECT nextval(pg_get_serial_sequence('event', 'id')) FROM generate_series(1, :count)"
)


def _write(
    connection: Connection, events: Events, customers: Sequence[int], ids: Sequence[int]
) -> tuple[Events, Sequence[int], Sequence[int]]:
    """Write rows of ``event``; return those (and their customers, ids) that are new."""
    count = len(events)
    rows = list(
        zip(
            ids,
            customers,
            events.names,
            events.instants,
            [to_micros(utcnow())] * count,
            events.source_ids,
            events.properties,
            strict=True,
        )
    )
    if connection.dialect.name == "sqlite":
        written = write_new(connection, "event", EVENT_COLUMNS, rows)
    else:
        temp_table(connection, "incoming_event", _STAGED)
        fill(connection, "incoming_event", EVENT_COLUMNS, rows)
        written = connection.execute(_INSERT_NEW).rowcount
    if written == count:
        return events, customers, ids
    between = {"first": min(ids), "last": max(ids)}
    fresh = set(connection.scalars(_WRITTEN, between))
    numbers = [number for number, row_id in enumerate(ids) if row_id in fresh]
    return events.chosen(numbers), picker(numbers)(customers), picker(numbers)(ids)


_STAGED = (
    "id BIGINT, customer_id BIGINT, name TEXT, occurred_at BIGINT, received_at BIGINT,"
    " source_id TEXT, properties TEXT"
)
_INSERT_NEW = text(
    f"INSERT INTO event ({', '.join(EVENT_COLUMNS)}) SELECT {', '.join(EVENT_COLUMNS)}"
    " FROM incoming_event ON CONFLICT DO NOTHING"
)
_WRITTEN = text("SELECT id FROM event WHERE id BETWEEN :first AND :last")


def _write_values(
    connection: Connection, events: Events, customers: Sequence[int], ids: Sequence[int]
) -> None:
    """Write the values of new events."""
    order = sorted(range(len(events)), key=customers.__getitem__)
    order.sort(key=events.names.__getitem__)
    pick = picker(order)
    names, owners, instants = pick(events.names), pick(customers), pick(events.instants)
    row_ids = pick(ids)
    for key, column in events.values.items():
        full = {name: f"{name}.{key}" for name in set(names)}
        values = [
            (full[name], customer, at, row_id, *typed)
            for name, customer, at, row_id, typed in zip(
                names, owners, instants, row_ids, pick(column), strict=True
            )
            if typed is not None
        ]
        fill(connection, "event_value", VALUE_COLUMNS, values)


def _earliest(customers: Sequence[int], instants: Sequence[int]) -> dict[int, int]:
    """Return each customer's earliest instant among those of their events."""
    found: dict[int, int] = {}
    for customer, instant in zip(customers, instants, strict=True):
        if instant < found.get(customer, instant + 1):
            found[customer] = instant
    return found


def _touch(connection: Connection, earliest: dict[int, int]) -> None:
    """Keep each customer's first event, and put them on the next tick's work list."""
    if not earliest:
        return
    temp_table(connection, "incoming_touch", "customer_id BIGINT PRIMARY KEY, at BIGINT")
    fill(connection, "incoming_touch", ("customer_id", "at"), sorted(earliest.items()))
    connection.execute(_KEEP_FIRST)
    connection.execute(_MARK_DIRTY)


_KEEP_FIRST = text(
    "UPDATE customer SET first_event_at = i.at FROM incoming_touch i"
    " WHERE customer.id = i.customer_id"
    " AND (customer.first_event_at IS NULL OR customer.first_event_at > i.at)"
)
_MARK_DIRTY = text(
    "INSERT INTO dirty (customer_id) SELECT customer_id FROM incoming_touch ORDER BY customer_id"
)
