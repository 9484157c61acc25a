"""Loads the sample shop's files through the normal import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, select

from orchestrator.counting import counted
from orchestrator.database_faults import database_faults
from orchestrator.demo import shop
from orchestrator.demo.files import write_rows, write_shop
from orchestrator.demo.people import Row
from orchestrator.errors import RefusedError
from orchestrator.importing.run import ImportOptions, Kind, import_file
from orchestrator.tables import customer

if TYPE_CHECKING:
    from orchestrator.importing.outcome import Outcome
    from orchestrator.playbook.model import Catalog

STRANGERS = 3
"""Customers that only events know."""


def refuse_others(engine: Engine) -> None:
    """See that the database holds nobody but the sample shop's customers.

    Raises:
        RefusedError: it holds somebody else; the sample shop would be mixed with real people.
    """
    own = {f"c_{number:04}" for number in range(1, shop.CUSTOMERS + 1)}
    own |= {f"guest_{number}" for number in range(1, STRANGERS + 1)}
    with database_faults(), engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(customer)).scalar_one()
        first = select(customer.c.external_id).limit(len(own) + 1)
        others = set(connection.execute(first).scalars()) - own
    if others:
        raise RefusedError(
            f"the database holds {counted(count, 'customer')} already, not all of them the "
            "sample shop's",
            help="load the sample shop into another one: clmctl demo --db sqlite:///demo.db",
        )


class Loader:
    """Imports files of the sample shop, kept in one folder."""

    def __init__(self, engine: Engine, catalog: Catalog, folder: Path) -> None:
        self._engine = engine
        self._catalog = catalog
        self._folder = folder

    def load_shop(self, passed: Callable[[str], None]) -> tuple[Outcome, Outcome]:
        """Load the customers and the events; the second time it changes nothing."""
        passed("making the sample shop")
        customers, events = write_shop(self._folder)
        passed("loading customers")
        people = self._load("customers", customers)
        passed("loading events")
        return people, self._load("events", events)

    def load_receipts(self, rows: list[Row]) -> None:
        """Load what the recipients of one tick's messages did."""
        if rows:
            self._load("receipts", write_rows(self._folder / "receipts.jsonl", rows))

    def _load(self, kind: Kind, path: Path) -> Outcome:
        options = ImportOptions(zone=shop.ZONE, rejects=path.with_suffix(".rejects.csv"))
        return import_file(self._engine, kind, path, options=options, catalog=self._catalog)
