"""Decisions as a stream of lines: JSON Lines and CSV. One line in memory at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from orchestrator.records.ticks import DecisionLine
from orchestrator.report.contracts import Json, Telling, decision_object

CSV_ERROR_KEYS = ("error_code", "error_message")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def json_lines(lines: Iterable[DecisionLine], telling: Telling) -> Iterator[str]:
    """Yield each decision as one line of JSON, in the order given."""
    for line in lines:
        yield compact_json(decision_object(line, telling))


def csv_lines(lines: Iterable[DecisionLine], telling: Telling) -> Iterator[str]:
    """Yield a header and each decision as one record of CSV (RFC 4180, lines end with LF).

    Missing values are empty; ``error`` is two columns, ``error_code`` and ``error_message``; of
    ``attachments`` the names are told.
    Unless ``telling.raw``, a cell that a spreadsheet would run as a formula gets a ``'`` in
    front (owasp.org/www-community/attacks/CSV_Injection).
    """
    guard = as_written if telling.raw else inert
    keys = [key for key in telling.columns() if key != "error"]
    at = telling.columns().index("error")
    keys[at:at] = CSV_ERROR_KEYS
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, keys, lineterminator="\n")
    writer.writeheader()
    yield _taken(buffer)
    for line in lines:
        flat = _flat(decision_object(line, telling))
        writer.writerow({key: guard(value) for key, value in flat.items()})
        yield _taken(buffer)


def inert(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    begins_one = isinstance(value, str) and value.startswith(FORMULA_SIGNS)
    return f"'{value}" if begins_one else value


def as_written(value: Any) -> Any:
    """Return a cell as it is, for machines."""
    return value


def _flat(decision: Json) -> Json:
    error = decision.pop("error") or {}
    if "attachments" in decision:
        names = [one["name"] for one in decision["attachments"] or ()]
        decision["attachments"] = "; ".join(names) or None
    return {**decision, "error_code": error.get("code"), "error_message": error.get("message")}


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.removesuffix("\n")


def compact_json(value: Any) -> str:
    """Return JSON on one line, text as it is (UTF-8)."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def pretty_json(value: Any) -> str:
    """Return JSON for people and machines, indented by two."""
    return json.dumps(value, ensure_ascii=False, indent=2)
