"""Writes the sample shop as the files a real shop would export."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from orchestrator.demo.history import history
from orchestrator.demo.people import Row, people

CUSTOMERS_FILE = "customers.jsonl"
EVENTS_FILE = "events.jsonl"


def write_shop(folder: Path) -> tuple[Path, Path]:
    """Write the sample shop's customers and events, byte for byte the same every time.

    Args:
        folder: made if it is not there; files of these names are replaced.
    Returns:
        The customers' file and the events' file, JSONL in UTF-8.
    """
    folder.mkdir(parents=True, exist_ok=True)
    customers = people()
    return (
        write_rows(folder / CUSTOMERS_FILE, (person.row for person in customers)),
        write_rows(folder / EVENTS_FILE, history(customers)),
    )


def write_rows(path: Path, rows: Iterable[Row]) -> Path:
    """Write rows as JSON lines in UTF-8 and return the path."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    return path
