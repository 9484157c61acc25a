"""The sample shop comes in through the normal import, once, and to nobody else's database."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, func, insert, select, text

from orchestrator import tables
from orchestrator.app import open_demo_database
from orchestrator.database import open_engine
from orchestrator.demo.loading import Loader, refuse_others
from orchestrator.errors import RefusedError
from orchestrator.migrations.state import SchemaState, alembic_config, schema_state
from orchestrator.playbook.load import load

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def loader(engine: Engine, tmp_path: Path) -> Loader:
    playbook = load(REPOSITORY).playbook
    assert playbook is not None
    return Loader(engine, playbook.catalog, tmp_path)


def _quietly(_station: str) -> None:
    pass


def test_shop_loads_without_a_rejected_row_and_only_once(
    engine: Engine, loader: Loader, tmp_path: Path
) -> None:
    customers, events = loader.load_shop(_quietly)
    again = loader.load_shop(_quietly)

    assert (customers.loaded, customers.rejected) == (2000, 0)
    assert events.rejected == 0
    assert events.unchanged >= 3
    assert [(one.loaded, one.updated) for one in again] == [(0, 0), (0, 0)]
    refuse_others(engine)


def test_catalog_declares_all_that_the_shop_has(loader: Loader) -> None:
    customers, events = loader.load_shop(_quietly)

    assert not customers.undeclared_columns | events.undeclared_columns
    assert not events.undeclared_events
    assert 0 < sum(customers.unparsable.values()) < 10
    assert 0 < sum(events.unparsable.values()) < 10


def test_receipts_load(engine: Engine, loader: Loader) -> None:
    loader.load_shop(_quietly)
    loader.load_receipts(
        [
            {
                "customer_id": "c_0001",
                "message": "welcome_hello",
                "kind": "opened",
                "at": "2026-02-03T03:00:00Z",
                "flow": "welcome",
                "channel": "email",
            }
        ]
    )
    with engine.connect() as connection:
        count = select(func.count()).select_from(tables.receipt)

        assert connection.execute(count).scalar_one() == 1


def test_database_with_other_customers_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(tables.customer), [{"external_id": "real_person", "base": 1}])

    with pytest.raises(RefusedError, match="holds 1 customer already"):
        refuse_others(engine)


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A database as an earlier version of clmctl made it, with one of the sample customers."""
    engine = open_engine(str(tmp_path / "old.db"))
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(text("INSERT INTO customer (external_id, base) VALUES ('c_0001', 1)"))
    engine.dispose()
    return tmp_path / "old.db"


def test_the_demos_own_database_of_an_older_version_is_upgraded(old_file: Path) -> None:
    engine = open_demo_database(old_file.parent, str(old_file))
    assert schema_state(engine) is SchemaState.CURRENT
    engine.dispose()


def test_a_database_of_others_is_neither_upgraded_nor_used(old_file: Path) -> None:
    engine = open_engine(str(old_file))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO customer (external_id, base) VALUES ('rosa', 1)"))
    with pytest.raises(RefusedError, match="not all of them the sample shop's"):
        open_demo_database(old_file.parent, str(old_file))
    assert schema_state(engine) is SchemaState.OLDER
    engine.dispose()
