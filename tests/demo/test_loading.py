"""The sample shop comes in through the normal import, once, and to nobody else's database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from orchestrator import tables
from orchestrator.demo.loading import Loader, refuse_others
from orchestrator.errors import RefusedError
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

    with pytest.raises(RefusedError, match="holds 1 customers already"):
        refuse_others(engine)
