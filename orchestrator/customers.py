"""Customers as people name them: by their external id, or an alias of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from orchestrator import tables
from orchestrator.counting import counted
from orchestrator.errors import NotFoundError
from orchestrator.language.nearest import did_you_mean

NEIGHBOURS = 500
"""Ids before and after an unknown one, in order, among which the nearest is looked for."""


def customer_row(connection: Connection, customer: str) -> dict[str, Any]:
    """Return the row of the customer of that external id, or of an alias.

    Raises:
        NotFoundError: there is no such customer; its help names the id that was perhaps meant.
    """
    known, alias = tables.customer, tables.alias
    by_alias = select(alias.c.customer_id).where(alias.c.external_id == customer)
    for found in (known.c.external_id == customer, known.c.id.in_(by_alias)):
        row = connection.execute(select(known).where(found)).mappings().first()
        if row is not None:
            return dict(row)
    raise NotFoundError(
        f'there is no customer "{customer}"', help=_suggestion(connection, customer)
    )


def _suggestion(connection: Connection, customer: str) -> str:
    """Return which existing id was perhaps meant, and how many customers there are."""
    ids = tables.customer.c.external_id
    spellings = {customer.lower(), customer.upper(), customer.strip()}
    before = select(ids).where(ids < customer).order_by(ids.desc()).limit(NEIGHBOURS)
    after = select(ids).where(ids > customer).order_by(ids).limit(NEIGHBOURS)
    queries = (select(ids).where(ids.in_(spellings)), after, before)
    known = [id for query in queries for id in connection.scalars(query)]
    count = connection.execute(select(func.count()).select_from(tables.customer)).scalar_one()
    return f"{did_you_mean(customer, known)}the database has {counted(count, 'customer')}"
