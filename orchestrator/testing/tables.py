"""Customers in a table: ``customers: rows.csv``, a file beside the test."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.names import Name
from orchestrator.playbook.model import FlowTest
from orchestrator.playbook.model.given import Given, Values


def customers_of(test: FlowTest, project: Path, problems: list[Problem]) -> Mapping[Name, Values]:
    """Return a test's customers, from the test or from its table."""
    if not isinstance(test.customers, str):
        return test.customers
    mark = test.mark_at("customers")
    path = (project / test.mark.path).parent / test.customers
    try:
        if not path.resolve().is_relative_to(project.resolve()):
            raise OSError(0, "it lies outside the project")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = getattr(error, "strerror", None) or "it is no UTF-8 table"
        message = f'the table "{test.customers}" cannot be read: {said}'
        problems.append(Problem(mark, "CLM118", message, "it lies beside the test file"))
        return {}
    return dict(_customers(rows, test.customers, mark, problems))


def _customers(
    rows: Sequence[Mapping[Any, Any]],
    name: str,
    mark: Mark,
    problems: list[Problem],
) -> Iterator[tuple[Name, Values]]:
    seen: set[str] = set()
    for number, row in enumerate(rows, 2):
        who = (row.get("id") or "").strip()
        if not who or who in seen or None in row:
            wrong = "has more cells than columns" if None in row else 'needs an "id" of its own'
            problems.append(Problem(mark, "CLM106", f"{name}: row {number} {wrong}"))
            continue
        seen.add(who)
        values = {
            Name(str(key), "new attribute", mark): _given(key, cell or "", mark)
            for key, cell in row.items()
            if key != "id"
        }
        yield Name(who, "new customer", mark), values
    if not rows:
        problems.append(Problem(mark, "CLM106", f"{name} has no rows"))


def _given(key: str | None, cell: str, mark: Mark) -> Given:
    if key != "subscribed_to":
        return Given(cell, mark)
    topics = [part.strip() for part in cell.split(";") if part.strip()]
    return Given(cell, mark, tuple(Given(topic, mark) for topic in topics))
