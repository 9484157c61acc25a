"""The fixtures themselves: both databases are real, fresh and empty."""

from __future__ import annotations

from databases import empty
from sqlalchemy import Engine, func, insert, select

from orchestrator import tables


def _customers(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(tables.customer)) or 0


def test_a_fresh_database_has_no_customer(engine: Engine) -> None:
    assert _customers(engine) == 0
    with engine.begin() as connection:
        connection.execute(insert(tables.customer).values(external_id="a", base=1))
    assert _customers(engine) == 1


def test_the_next_database_is_fresh_again(engine: Engine) -> None:
    assert _customers(engine) == 0


def test_emptying_deletes_every_row(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(tables.customer).values(external_id="a", base=1))
    empty(engine)
    assert _customers(engine) == 0


def test_both_kinds_are_real(both_engines: tuple[Engine, Engine]) -> None:
    assert [engine.dialect.name for engine in both_engines] == ["sqlite", "postgresql"]
