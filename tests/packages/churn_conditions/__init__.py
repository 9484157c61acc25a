"""A package with conditions of its own, good ones and bad ones, as a third party writes it."""

from __future__ import annotations

from typing import Any

from orchestrator.criteria.custom import Asking, CustomCondition, Parameter


def _likely(asking: Asking, *, above: Any, model: str) -> Any:
    from sqlalchemy import select

    values = asking.rows.attribute_value
    return select(values.c.customer_id).where(
        values.c.name == model, values.c.number > float(above)
    )


def _at(asking: Asking, *, domain: str) -> Any:
    return asking.customer.c.email.endswith(f"@{domain}")


def _late(asking: Asking, *, what: str, since: Any, days: Any) -> Any:
    from sqlalchemy import func, select

    rows = asking.rows.event
    query = select(rows.c.customer_id).where(rows.c.name == what).group_by(rows.c.customer_id)
    return query.having(func.max(rows.c.occurred_at) <= asking.ago(since)).limit(days)


def _raise(asking: Asking) -> Any:
    raise ZeroDivisionError("no customers to divide by\nsecond line")


def _two(asking: Asking) -> Any:
    from sqlalchemy import select

    return select(asking.rows.customer.c.id, asking.rows.customer.c.email)


likely_to_churn = CustomCondition(
    _likely,
    "Customers whose score says that they will leave.",
    {
        "above": Parameter("number", "The score from which on they count."),
        "model": Parameter("text", "Whose score.", "points", one_of=("points", "credit")),
    },
)
has_address_at = CustomCondition(
    _at, "Whose address is of a domain.", {"domain": Parameter("text", "The domain.")}
)
late_buyer = CustomCondition(
    _late,
    "Whose latest event of a name is long ago.",
    {
        "what": Parameter("event", "The event."),
        "since": Parameter("duration", "How long ago."),
        "days": Parameter("whole number", "At most so many customers.", 1000),
    },
)
raises = CustomCondition(_raise, "Raises.")
returns_text = CustomCondition(lambda asking: "yes", "Returns text.")
selects_two = CustomCondition(_two, "Selects two columns.")
no_condition = "likely_to_churn"
strange_type = CustomCondition(_raise, "Takes a colour.", {"colour": Parameter("colour", "Which.")})
