"""Writing small files and importing them, and reading back what tables then hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from orchestrator.importing.columns import read_mapping
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.run import ImportOptions, Kind, import_file
from orchestrator.playbook.model import Catalog


def load(
    engine: Engine,
    kind: Kind,
    path: Path,
    content: str,
    *,
    maps: tuple[str, ...] = (),
    sets: tuple[str, ...] = (),
    catalog: Catalog | None = None,
    **options: Any,
) -> Outcome:
    """Write the content to a file and import it; rejected rows go beside it."""
    path.write_text(content, encoding="utf-8")
    chosen = ImportOptions(
        mapping=read_mapping(maps, sets),
        rejects=path.with_name(f"{path.name}.rejects.csv"),
        **options,
    )
    return import_file(engine, kind, path, options=chosen, catalog=catalog)


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    """Return (loaded, updated, unchanged, rejected)."""
    return outcome.loaded, outcome.updated, outcome.unchanged, outcome.rejected


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query as tuples."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything an import can write, but for the clock's ``received_at``."""
    return {
        "customer": rows(engine, "SELECT * FROM customer ORDER BY external_id"),
        "attribute_value": rows(engine, "SELECT * FROM attribute_value ORDER BY name, customer_id"),
        "attribute_item": rows(
            engine, "SELECT name, item, customer_id FROM attribute_item ORDER BY 1, 2, 3"
        ),
        "event": rows(
            engine,
            "SELECT id, customer_id, name, occurred_at, source_id, properties FROM event"
            " ORDER BY id",
        ),
        "event_value": rows(engine, "SELECT * FROM event_value ORDER BY name, event_id"),
        "consent": rows(engine, "SELECT * FROM consent ORDER BY id"),
        "suppression": rows(engine, "SELECT * FROM suppression ORDER BY kind, address"),
        "receipt": rows(engine, "SELECT * FROM receipt ORDER BY id"),
    }
