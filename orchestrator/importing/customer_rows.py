"""Writing customers: exactly the columns a file has, and only what they change."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from orchestrator.importing.consents import write_consents
from orchestrator.importing.customers import Person, Shape
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import People
from orchestrator.importing.staging import differs, fill, mark_dirty, temp_table
from orchestrator.values import Typed, members

COLUMN_TYPES = {"created_at": "BIGINT"}
VALUE_TYPES = (
    "text TEXT, number DOUBLE PRECISION, scaled BIGINT, money BIGINT, instant BIGINT,"
    " on_date INTEGER, truth INTEGER"
)
_VALUES = ", ".join(Typed._fields)
_EXCLUDED = ", ".join(f"{name} = excluded.{name}" for name in Typed._fields)


def write_customers(
    connection: Connection,
    shape: Shape,
    rows: Sequence[Person],
    people: People,
    outcome: Outcome,
) -> None:
    """Write customers of one shape, of each the last row only."""
    before = set(people.find(connection, [row.external_id for row in rows]))
    ids, made = people.ensure(connection, [row.external_id for row in rows])
    fresh = {ids[row.external_id] for row in rows if row.external_id not in before}
    # Two external ids may be one customer by an alias: then the later row counts.
    by_id = {ids[row.external_id]: row for row in rows}
    changed = _write_facts(connection, shape, by_id)
    changed |= _write_attributes(connection, shape, by_id)
    if shape.has_consent:
        changed |= write_consents(connection, by_id, outcome)
    mark_dirty(connection, changed | fresh)
    outcome.loaded += made
    outcome.updated += len(changed - fresh)
    outcome.unchanged += len(rows) - made - len(changed - fresh)


def _write_facts(connection: Connection, shape: Shape, rows: dict[int, Person]) -> set[int]:
    """Set columns of ``customer``; return whom that changed."""
    if not shape.columns:
        return set()
    typed = [f"{name} {COLUMN_TYPES.get(name, 'TEXT')}" for name in shape.columns]
    connection.exec_driver_sql("DROP TABLE IF EXISTS incoming_customer")
    temp_table(
        connection, "incoming_customer", ", ".join(["customer_id BIGINT PRIMARY KEY", *typed])
    )
    values = [(customer, *row.facts) for customer, row in sorted(rows.items())]
    fill(connection, "incoming_customer", ("customer_id", *shape.columns), values)
    other = differs(connection)
    different = " OR ".join(f"c.{name} {other} i.{name}" for name in shape.columns)
    changed = set(
        connection.scalars(
            text(
                "SELECT c.id FROM incoming_customer i JOIN customer c ON c.id = i.customer_id"
                f" WHERE {different}"
            )
        )
    )
    if changed:
        sets = ", ".join(f"{name} = i.{name}" for name in shape.columns)
        connection.execute(
            text(
                f"UPDATE customer AS c SET {sets} FROM incoming_customer i"
                f" WHERE c.id = i.customer_id AND ({different})"
            )
        )
    return changed


def _write_attributes(connection: Connection, shape: Shape, rows: dict[int, Person]) -> set[int]:
    """Set, change and remove attribute values; return whom that changed."""
    if not shape.attributes:
        return set()
    temp_table(
        connection,
        "incoming_attribute",
        f"name TEXT, customer_id BIGINT, {VALUE_TYPES}, PRIMARY KEY (name, customer_id)",
    )
    ordered = sorted(rows.items())
    for number, name in enumerate(shape.attributes):
        values = [
            (name, customer, *(row.attributes[number] or Typed(None))) for customer, row in ordered
        ]
        columns = ("name", "customer_id", *Typed._fields)
        fill(connection, "incoming_attribute", columns, values)
    other = differs(connection)
    different = " OR ".join(f"v.{name} {other} incoming_attribute.{name}" for name in Typed._fields)
    known = "SELECT 1 FROM attribute_value v WHERE v.name = incoming_attribute.name"
    known += " AND v.customer_id = incoming_attribute.customer_id"
    connection.execute(
        text(
            f"DELETE FROM incoming_attribute WHERE (text IS NULL AND NOT EXISTS ({known}))"
            f" OR (text IS NOT NULL AND EXISTS ({known} AND NOT ({different})))"
        )
    )
    changed = set(connection.scalars(text("SELECT DISTINCT customer_id FROM incoming_attribute")))
    if changed:
        _replace_values(connection)
        _replace_items(connection)
    return changed


def _replace_values(connection: Connection) -> None:
    connection.execute(
        text(
            "DELETE FROM attribute_value WHERE (name, customer_id) IN"
            " (SELECT name, customer_id FROM incoming_attribute WHERE text IS NULL)"
        )
    )
    connection.execute(
        text(
            f"INSERT INTO attribute_value (name, customer_id, {_VALUES})"
            f" SELECT name, customer_id, {_VALUES} FROM incoming_attribute WHERE text IS NOT NULL"
            " ORDER BY name, customer_id"
            f" ON CONFLICT (name, customer_id) DO UPDATE SET {_EXCLUDED}"
        )
    )


def _replace_items(connection: Connection) -> None:
    """Write the members of lists; a text that is its own only member needs no row."""
    connection.execute(
        text(
            "DELETE FROM attribute_item WHERE (customer_id, name) IN"
            " (SELECT customer_id, name FROM incoming_attribute)"
        )
    )
    found = connection.execute(
        text(
            "SELECT name, customer_id, text FROM incoming_attribute"
            " WHERE text LIKE '%;%' OR text LIKE '[%' OR text LIKE ' %' OR text LIKE '% '"
        )
    )
    rows = {
        (name, item, customer)
        for name, customer, written in found
        for item in members(written)
        if item != written
    }
    fill(connection, "attribute_item", ("name", "item", "customer_id"), sorted(rows))
