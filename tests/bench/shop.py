"""A shop of any size for the benchmarks, made of the same rows on every machine.

Customers are written from Python (their buckets need a hash that SQL lacks); everything
else by ``INSERT … SELECT`` over a series of numbers, straight into the typed columns, as
the importer would have left it. Ten events per customer; a few customers have most of
them, new ones are denser than old ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.criteria.buckets import customer_base
from orchestrator.database import summarize_statistics

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
"""A Monday, 14:00 in Jakarta, 08:00 in Vienna, 07:00 in London."""
MICROS = to_micros(NOW)
DAY = 86_400_000_000
EVENTS_PER_CUSTOMER = 10
PRIME = 2_147_483_647
FACTORS = (1_103_515_245, 1_664_525, 214_013, 22_695_477, 69_069, 134_775_813)
ZONES = ("Asia/Jakarta",) * 7 + ("Europe/Vienna", "Europe/Berlin", "Europe/London", None)
PEOPLE = ("Ayu", "Budi", "Citra", "Dewi", "Emil", "Fritz", "Greta", "Hana")
BATCH = 20_000


def fill(engine: Engine, customers: int) -> None:
    """Write a whole shop into an empty, migrated database."""
    with engine.begin() as connection:
        dropped = _drop_indexes(connection)
        for batch in _customers(customers):
            connection.execute(insert(tables.customer), batch)
        for statement in _statements(customers, connection.dialect.name):
            _run(connection, statement)
        for statement in dropped:
            _run(connection, statement)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            _run(connection, "VACUUM ANALYZE")
    summarize_statistics(engine)


def _run(connection: Connection, statement: str) -> None:
    connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def draw(number: str, which: int) -> str:
    """Return an SQL expression of a pseudo-random integer in [0, 2^31), from a number."""
    mixed = f"(({number} * {FACTORS[which]} + {which + 12_345}) % {PRIME})"
    return f"({mixed} * {mixed} % {PRIME})"


def _drawn(number: int, which: int) -> int:
    mixed = (number * FACTORS[which] + which + 12_345) % PRIME
    return mixed * mixed % PRIME


# --- indexes are built after the rows -------------------------------------------------


def _drop_indexes(connection: Connection) -> list[str]:
    """Drop what can be built anew of the big tables; returns the statements that do it."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('event', 'attribute_value', 'consent', 'customer')"
        ).all()
        for name, _ in found:
            _run(connection, f"DROP INDEX {name}")
        return [str(sql) for _, sql in found]
    keys = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype IN ('p', 'u') AND conrelid::regclass::text IN"
        " ('event', 'event_value', 'attribute_value', 'consent', 'attribute_item')"
    ).all()
    for table, name, _ in keys:
        _run(connection, f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    found = connection.exec_driver_sql(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename IN"
        " ('event', 'event_value', 'attribute_value', 'consent', 'attribute_item')"
    ).all()
    for name, _ in found:
        _run(connection, f"DROP INDEX {name}")
    return [
        "SET LOCAL maintenance_work_mem = '1GB'",
        *(f"ALTER TABLE {table} ADD CONSTRAINT {name} {what}" for table, name, what in keys),
        *(str(sql) for _, sql in found),
    ]


# --- customers ------------------------------------------------------------------------


def _customers(count: int) -> Iterator[list[dict[str, Any]]]:
    for first in range(1, count + 1, BATCH):
        yield [_customer(number) for number in range(first, min(first + BATCH, count + 1))]


def _customer(number: int) -> dict[str, Any]:
    lot, other = _drawn(number, 0), _drawn(number, 1)
    created = MICROS - (1 + other % 1_095) * DAY - lot % DAY
    return {
        "id": number,
        "external_id": f"c{number:07}",
        "base": customer_base(f"c{number:07}"),
        "email": f"c{number}@customers.example" if lot % 100 < 95 else None,
        "phone": f"+62811{number:08}" if lot // 100 % 100 < 40 else None,
        "push_token": f"push-{number}" if lot // 10_000 % 100 < 35 else None,
        "locale": ("id-ID", "id-ID", "de-AT", "en-GB")[other % 4],
        "timezone": ZONES[lot // 7 % len(ZONES)],
        "preferred_channel": (None, None, None, "email", "sms", "push")[other // 7 % 6],
        "created_at": created,
        "first_event_at": created,
    }


# --- everything else ------------------------------------------------------------------


def _series(first: int, last: int, dialect: str) -> str:
    if dialect == "postgresql":
        return f"generate_series({first}::bigint, {last}::bigint) AS series(n)"
    return (
        f"(WITH RECURSIVE series(n) AS (SELECT {first} UNION ALL"
        f" SELECT n + 1 FROM series WHERE n < {last}) SELECT n FROM series) AS series"
    )


def _statements(customers: int, dialect: str) -> Iterator[str]:
    yield from _attributes(customers, dialect)
    yield from _consents()
    yield from _events(customers, dialect)
    if dialect == "postgresql":
        for table in ("customer", "event", "consent"):
            yield f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"


def _attributes(customers: int, dialect: str) -> Iterator[str]:
    lot, other = draw("id", 2), draw("id", 3)
    start = "INSERT INTO attribute_value (name, customer_id, text, number, scaled, money,"
    start += " instant, on_date, truth)"
    none = "NULL, NULL, NULL"
    people = " ".join(f"WHEN {place} THEN '{name}'" for place, name in enumerate(PEOPLE))
    day = f"(19600101 + {lot} % 45 * 10000 + {other} % 12 * 100 + {lot} / 64 % 28)"
    yield (
        f"{start} SELECT 'birthday', id, substr(CAST(d AS TEXT), 1, 4) || '-'"
        " || substr(CAST(d AS TEXT), 5, 2) || '-' || substr(CAST(d AS TEXT), 7, 2),"
        f" {none}, NULL, d, NULL FROM (SELECT id, {day} AS d FROM customer"
        f" WHERE {other} % 10 < 6) AS born ORDER BY id"
    )
    yield (
        f"{start} SELECT 'country', id, CASE {other} % 10 WHEN 0 THEN 'AT' WHEN 1 THEN 'DE'"
        f" WHEN 2 THEN 'GB' ELSE 'ID' END, {none}, NULL, NULL, NULL FROM customer ORDER BY id"
    )
    yield (
        f"{start} SELECT 'employee', id, CASE WHEN {lot} % 200 = 0 THEN 'true' ELSE 'false' END,"
        f" {none}, NULL, NULL, CASE WHEN {lot} % 200 = 0 THEN 1 ELSE 0 END"
        f" FROM customer WHERE {other} % 10 < 8 ORDER BY id"
    )
    yield (
        f"{start} SELECT 'first_name', id, CASE {lot} % 8 {people} END, {none}, NULL, NULL, NULL"
        f" FROM customer WHERE {other} % 20 > 0 ORDER BY id"
    )
    yield (
        f"{start} SELECT 'open_cases', id, CAST(c AS TEXT), c, c * 10000, c * 10000,"
        f" NULL, NULL, NULL FROM (SELECT id, CASE WHEN {lot} % 100 < 4 THEN 1 + {lot} % 3 ELSE 0"
        f" END AS c FROM customer WHERE {other} % 2 = 0) AS cases ORDER BY id"
    )
    for place, interest in enumerate(("beans", "filters", "tea")):
        yield (
            "INSERT INTO attribute_item (name, item, customer_id) SELECT 'interests',"
            f" '{interest}', id FROM customer WHERE {lot} % 5 = {place} ORDER BY id"
        )


def _consents() -> Iterator[str]:
    lot, other = draw("id", 4), draw("id", 5)
    start = "INSERT INTO consent (customer_id, topic, withdrawn, at, source) SELECT id,"
    for place, (topic, share) in enumerate(
        (("newsletter", 75), ("sms_offers", 25), ("surveys", 35))
    ):
        granted = f"{lot} / {97 ** (place + 1)} % 100 < {share}"
        yield f"{start} '{topic}', 0, created_at, 'import' FROM customer WHERE {granted}"
        yield (
            f"{start} '{topic}', 1, created_at + ({MICROS} - created_at) / 2, 'customer'"
            f" FROM customer WHERE {granted} AND {other} / {89 ** (place + 1)} % 100 < 9"
        )
    yield (
        "INSERT INTO suppression (kind, address, reason, at) SELECT 'email', email,"
        f" 'bounced', created_at + {DAY} / 2 FROM customer"
        f" WHERE email IS NOT NULL AND {other} % 100 = 0"
    )


_CENTS = "CAST({0} / 100 AS TEXT) || '.' || substr(CAST(100 + {0} % 100 AS TEXT), 2)"
_CART = "'k' || CAST(customer_id AS TEXT) || '-' || CAST(b % 3 AS TEXT)"
_PAID = "(500 + a % 9500)"
_KIND = "CASE a % 4 WHEN 0 THEN 'beans' WHEN 1 THEN 'tea' WHEN 2 THEN 'filters' ELSE 'cups' END"
TEXTS: dict[str, dict[str, str]] = {
    "cart_updated": {"cart_id": _CART},
    "purchase": {
        "cart_id": _CART,
        "category": _KIND,
        "status": "CASE WHEN b / 8 % 10 = 0 THEN 'refunded' ELSE 'paid' END",
    },
    "referral_sent": {"via": "'link'"},
    "viewed_product": {"category": _KIND, "product": "'p' || CAST(b % 400 AS TEXT)"},
}
"""Event → property → its text, over the columns of ``bench_draw``."""
CENTS: dict[str, dict[str, str]] = {
    "cart_updated": {"cart_value": _PAID},
    "purchase": {"amount": _PAID},
}
WHOLE: dict[str, dict[str, str]] = {
    "cart_updated": {"items": "(1 + a % 5)"},
    "nps_answered": {"score": "(a % 11)"},
}


def _events(customers: int, dialect: str) -> Iterator[str]:
    total = customers * EVENTS_PER_CUSTOMER
    yield (
        "CREATE TABLE bench_draw (id BIGINT, customer_id BIGINT, name TEXT, occurred_at BIGINT,"
        " a BIGINT, b BIGINT)"
    )
    kinds = (
        "CASE WHEN lot < 620 THEN 'viewed_product' WHEN lot < 840 THEN 'cart_updated'"
        " WHEN lot < 980 THEN 'purchase' WHEN lot < 990 THEN 'nps_answered'"
        " ELSE 'referral_sent' END"
    )
    crowd = f"({draw('n', 0)} % {customers}) * ({draw('n', 1)} % {customers}) / {customers}"
    age = f"({draw('n', 2)} % 1000000) * ({draw('n', 3)} % 1000000) / 1000000"
    yield (
        f"INSERT INTO bench_draw SELECT n, customer.id, {kinds},"
        f" {MICROS} - ({MICROS} - created_at) / 1000000 * age, a, b FROM ("
        f"SELECT n, ({crowd} * 7919 + 13) % {customers} + 1 AS who, {age} AS age,"
        f" {draw('n', 4)} % 1000 AS lot, {draw('n', 5)} AS a, {draw('n', 3)} AS b"
        f" FROM {_series(customers + 1, total, dialect)}) AS drawn"
        " JOIN customer ON customer.id = who"
    )
    yield ("INSERT INTO bench_draw SELECT id, id, 'signed_up', created_at, id, id FROM customer")
    received = f"CASE WHEN occurred_at + 60000000 > {MICROS} THEN {MICROS} ELSE"
    received += " occurred_at + 60000000 END"
    yield (
        "INSERT INTO event (id, customer_id, name, occurred_at, received_at, source_id,"
        f" properties) SELECT id, customer_id, name, occurred_at, {received},"
        f" 'e' || substr(CAST({10 * total} + id AS TEXT), 2), {_json()} FROM bench_draw ORDER BY id"
    )
    rows = [
        *((event, prop, text, "NULL") for event, of in TEXTS.items() for prop, text in of.items()),
        *(
            (event, prop, _CENTS.format(cents), f"{cents} * 100")
            for event, of in CENTS.items()
            for prop, cents in of.items()
        ),
        *(
            (event, prop, f"CAST({whole} AS TEXT)", f"{whole} * 10000")
            for event, of in WHOLE.items()
            for prop, whole in of.items()
        ),
    ]
    for event, prop, text, units in sorted(rows):
        number = "NULL" if units == "NULL" else f"{units} / 10000.0"
        yield (
            "INSERT INTO event_value (name, customer_id, occurred_at, event_id, text, number,"
            f" scaled, money) SELECT '{event}.{prop}', customer_id, occurred_at, id, {text},"
            f" {number}, {units}, {units} FROM bench_draw WHERE name = '{event}'"
            " ORDER BY customer_id, occurred_at, id"
        )
    yield "DROP TABLE bench_draw"


def _json() -> str:
    """Return the SQL of an event's raw properties."""
    whens = []
    for event in sorted({*TEXTS, *CENTS, *WHOLE}):
        parts = [
            *(f"'\"{prop}\": \"' || {text} || '\"'" for prop, text in TEXTS.get(event, {}).items()),
            *(
                f"'\"{prop}\": \"' || {_CENTS.format(cents)} || '\"'"
                for prop, cents in CENTS.get(event, {}).items()
            ),
            *(
                f"'\"{prop}\": ' || CAST({whole} AS TEXT)"
                for prop, whole in WHOLE.get(event, {}).items()
            ),
        ]
        joined = " || ', ' || ".join(parts)
        whens.append(f"WHEN '{event}' THEN '{{' || {joined} || '}}'")
    return f"CASE name {' '.join(whens)} ELSE '{{}}' END"
