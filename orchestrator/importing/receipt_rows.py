"""Writing receipts, and what complaints, bounces and unsubscribes take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import People
from orchestrator.importing.receipts import ReceiptRow, address_kind
from orchestrator.importing.sources import Reject
from orchestrator.importing.staging import fill, mark_dirty, temp_table

STAGED = (
    "source_id",
    "customer_id",
    "message",
    "kind",
    "at",
    "flow",
    "channel",
    "topic",
    "address_kind",
    "address",
    "puts_out_of_use",
)

_INSERT = text(
    "INSERT INTO receipt (customer_id, message, kind, at, flow, channel, source_id)"
    " SELECT customer_id, message, kind, at, flow, channel, source_id FROM incoming_receipt"
    " WHERE true ORDER BY customer_id, at, source_id ON CONFLICT DO NOTHING"
)
_WITHDRAW = text(
    "INSERT INTO consent (customer_id, topic, withdrawn, at, source)"
    " SELECT DISTINCT w.customer_id, w.topic, 1, w.at, 'customer' FROM ("
    # From the one topic that is named.
    " SELECT customer_id, topic, at FROM incoming_receipt"
    " WHERE kind = 'unsubscribed' AND topic IS NOT NULL"
    # From every marketing topic there is, subscribed to or not: no later import grants it.
    " UNION ALL SELECT r.customer_id, t.topic, r.at FROM incoming_receipt r, known_topic t"
    " WHERE t.marketing = 1 AND (r.kind = 'complained'"
    " OR (r.kind = 'unsubscribed' AND r.topic IS NULL))"
    # And from those that only the log knows.
    " UNION ALL SELECT r.customer_id, c.topic, r.at FROM incoming_receipt r"
    " JOIN consent c ON c.customer_id = r.customer_id"
    " WHERE c.topic NOT IN (SELECT topic FROM known_topic) AND (r.kind = 'complained'"
    " OR (r.kind = 'unsubscribed' AND r.topic IS NULL))"
    ") w WHERE NOT EXISTS (SELECT 1 FROM consent x WHERE x.customer_id = w.customer_id"
    " AND x.topic = w.topic AND x.at = w.at AND x.withdrawn = 1 AND x.source = 'customer')"
    " ORDER BY w.customer_id, w.topic"
)

_WORSE = (
    "at = CASE WHEN excluded.at < suppression.at THEN excluded.at ELSE suppression.at END,"
    " reason = CASE WHEN excluded.reason > suppression.reason THEN excluded.reason"
    " ELSE suppression.reason END"
    " WHERE excluded.at < suppression.at OR excluded.reason > suppression.reason"
)
"""What a later receipt changes of a suppression; ``complained`` stands after ``bounced``."""


def write_receipts(
    connection: Connection,
    rows: Sequence[ReceiptRow],
    people: People,
    *,
    topics: Mapping[str, str],
    outcome: Outcome,
    reject: Reject,
) -> None:
    """Write the receipts that are not there yet, and their consequences.

    Args:
        topics: of the catalog, with their purposes; those that are not marketing stay.
    """
    ids = people.find(connection, {row.customer for row in rows})
    known = []
    for row in rows:
        if row.customer in ids:
            known.append(row)
        else:
            reject(row.line, "customer_id: there is no such customer", row.raw)
    _stage(connection, known, ids)
    _stage_topics(connection, topics)
    touched = set(connection.scalars(text("SELECT DISTINCT customer_id FROM incoming_receipt")))
    written = connection.execute(_INSERT).rowcount
    outcome.withdrawn += connection.execute(_WITHDRAW).rowcount
    touched |= _suppress(connection, outcome)
    mark_dirty(connection, touched)
    outcome.loaded += written
    outcome.unchanged += len(known) - written


def _stage(connection: Connection, rows: Sequence[ReceiptRow], ids: Mapping[str, int]) -> None:
    """Stage the receipts that are not there yet; of equal ``source_id`` the first."""
    temp_table(
        connection,
        "incoming_receipt",
        "source_id TEXT PRIMARY KEY, customer_id BIGINT, message TEXT, kind TEXT, at BIGINT,"
        " flow TEXT, channel TEXT, topic TEXT, address_kind TEXT, address TEXT,"
        " puts_out_of_use INTEGER",
    )
    firsts = {row.source_id: row for row in reversed(rows)}
    staged = [
        (
            row.source_id,
            ids[row.customer],
            row.message,
            row.kind,
            row.at,
            row.flow,
            row.channel,
            row.topic,
            address_kind(row.channel),
            row.address,
            int(row.kind == "complained" or (row.kind == "bounced" and row.is_permanent)),
        )
        for row in sorted(firsts.values(), key=lambda row: row.source_id)
    ]
    fill(connection, "incoming_receipt", STAGED, staged)
    connection.execute(
        text(
            "DELETE FROM incoming_receipt WHERE EXISTS (SELECT 1 FROM receipt r"
            " WHERE r.source_id = incoming_receipt.source_id)"
        )
    )


def _stage_topics(connection: Connection, topics: Mapping[str, str]) -> None:
    temp_table(connection, "known_topic", "topic TEXT PRIMARY KEY, marketing INTEGER")
    rows = [(topic, int(purpose == "marketing")) for topic, purpose in sorted(topics.items())]
    fill(connection, "known_topic", ("topic", "marketing"), rows)


def _suppress(connection: Connection, outcome: Outcome) -> set[int]:
    """Put addresses that bounced or complained out of use; return everyone who has one.

    Whatever the order receipts come in, the earliest instant stays, and a complaint is the reason.
    """
    touched: set[int] = set()
    for kind in ("email", "phone", "push_token"):
        address = (
            f"CASE WHEN lower(r.address) = lower(c.{kind}) THEN c.{kind}"
            f" ELSE coalesce(r.address, c.{kind}) END"
        )
        theirs = (
            f"SELECT {address} AS address, r.kind AS reason, r.at FROM incoming_receipt r"
            " JOIN customer c ON c.id = r.customer_id"
            f" WHERE r.puts_out_of_use = 1 AND r.address_kind = '{kind}'"
        )
        if connection.execute(text(f"{theirs} LIMIT 1")).first() is None:
            continue
        outcome.suppressed += connection.execute(
            text(
                "INSERT INTO suppression (kind, address, reason, at)"
                f" SELECT '{kind}', t.address, max(t.reason), min(t.at) FROM ({theirs}) t"
                " WHERE t.address IS NOT NULL GROUP BY t.address ORDER BY t.address"
                f" ON CONFLICT (kind, address) DO UPDATE SET {_WORSE}"
            )
        ).rowcount
        touched |= set(
            connection.scalars(
                text(f"SELECT id FROM customer WHERE {kind} IN (SELECT address FROM ({theirs}) t)")
            )
        )
    return touched
