"""Aliases of tables read what the tables hold."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, Table, select

from orchestrator import tables
from orchestrator.tables.reading import aliased


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=str)
def test_an_alias_has_the_columns_of_its_table(table: Table) -> None:
    columns = aliased(table).c
    assert [(one.name, one.type) for one in columns] == [(one.name, one.type) for one in table.c]


def test_two_aliases_of_a_table_are_told_apart(engine: Engine) -> None:
    first, second = aliased(tables.customer), aliased(tables.customer)
    with engine.begin() as connection:
        rows = [{"id": id, "external_id": f"c{id}", "base": 0} for id in (1, 2)]
        connection.execute(tables.customer.insert(), rows)
        pairs = select(first.c.id, second.c.id).where(first.c.id < second.c.id)
        assert [tuple(row) for row in connection.execute(pairs)] == [(1, 2)]
