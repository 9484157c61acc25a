"""Consent as an import may change it: granted by its list, never against the customer.

A topic that a file lists is granted, one it no longer lists is withdrawn; without
``consented_at`` both hold since ever. What the customer or a flow has withdrawn stays
withdrawn (semantics 5). The log is append-only: an act is written only where it changes the
present answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from orchestrator.columns import EVER
from orchestrator.importing.customers import Person
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.staging import fill, temp_table

_LATEST = (
    "latest AS (SELECT customer_id, topic, at, withdrawn, source FROM ("
    " SELECT c.customer_id, c.topic, c.at, c.withdrawn, c.source, row_number() OVER ("
    " PARTITION BY c.customer_id, c.topic ORDER BY c.at DESC, c.withdrawn DESC, c.id DESC) AS age"
    " FROM consent c JOIN incoming_consent i ON i.customer_id = c.customer_id) ranked"
    " WHERE age = 1)"
)
_ACTS = text(
    f"WITH {_LATEST}"
    " INSERT INTO incoming_act (customer_id, topic, withdrawn, at)"
    # Granted for the first time.
    " SELECT t.customer_id, t.topic, 0, coalesce(t.at, :ever) FROM incoming_topic t"
    " LEFT JOIN latest l ON l.customer_id = t.customer_id AND l.topic = t.topic"
    " WHERE l.topic IS NULL"
    # Granted again after an import took it away.
    " UNION ALL SELECT t.customer_id, t.topic, 0,"
    " CASE WHEN t.at > l.at THEN t.at ELSE l.at + 1 END FROM incoming_topic t"
    " JOIN latest l ON l.customer_id = t.customer_id AND l.topic = t.topic"
    " WHERE l.withdrawn = 1 AND l.source = 'import'"
    # Known to have been granted earlier than the log says.
    " UNION ALL SELECT t.customer_id, t.topic, 0, t.at FROM incoming_topic t"
    " JOIN latest l ON l.customer_id = t.customer_id AND l.topic = t.topic"
    " WHERE l.withdrawn = 0 AND t.at < l.at AND NOT EXISTS (SELECT 1 FROM consent x"
    " WHERE x.customer_id = t.customer_id AND x.topic = t.topic AND x.withdrawn = 0"
    " AND x.at <= t.at)"
    # No longer listed; at an equal instant the withdrawal holds.
    " UNION ALL SELECT l.customer_id, l.topic, 1, l.at FROM latest l"
    " WHERE l.withdrawn = 0 AND NOT EXISTS (SELECT 1 FROM incoming_topic t"
    " WHERE t.customer_id = l.customer_id AND t.topic = l.topic)"
)
_BLOCKED = text(
    f"WITH {_LATEST} SELECT count(*) FROM incoming_topic t"
    " JOIN latest l ON l.customer_id = t.customer_id AND l.topic = t.topic"
    " WHERE l.withdrawn = 1 AND l.source <> 'import'"
)
_APPEND = text(
    "INSERT INTO consent (customer_id, topic, withdrawn, at, source)"
    " SELECT customer_id, topic, withdrawn, at, 'import' FROM incoming_act"
    " ORDER BY customer_id, topic"
)


def write_consents(
    connection: Connection, rows: Mapping[int, Person], outcome: Outcome
) -> set[int]:
    """Append the acts that make the log say what the rows list; return whom that changed."""
    temp_table(connection, "incoming_consent", "customer_id BIGINT PRIMARY KEY")
    temp_table(
        connection,
        "incoming_topic",
        "customer_id BIGINT, topic TEXT, at BIGINT, PRIMARY KEY (customer_id, topic)",
    )
    temp_table(
        connection, "incoming_act", "customer_id BIGINT, topic TEXT, withdrawn INTEGER, at BIGINT"
    )
    fill(connection, "incoming_consent", ("customer_id",), [(one,) for one in sorted(rows)])
    topics = [
        (customer, topic, row.consented_at)
        for customer, row in sorted(rows.items())
        for topic in row.topics
    ]
    fill(connection, "incoming_topic", ("customer_id", "topic", "at"), topics)
    outcome.blocked += connection.scalar(_BLOCKED) or 0
    connection.execute(_ACTS, {"ever": EVER})
    connection.execute(_APPEND)
    return set(connection.scalars(text("SELECT DISTINCT customer_id FROM incoming_act")))
