"""JSON lines: one object per line, read strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from itertools import chain, islice
from typing import Any

from orchestrator.importing.columns import (
    ColumnMap,
    FileRefusedError,
    fields_of,
    require_first_fields,
)
from orchestrator.importing.sources import (
    BATCH_CHARACTERS,
    BATCH_ROWS,
    LONGEST_FIELD,
    LONGEST_ROW,
    Batch,
    Reading,
    Reject,
    survey_text,
)
from orchestrator.values import nfc, raw_text

LOOKED_AT = 1_000
"""Lines by which a file is refused whole; after them a bad row is rejected alone."""


class _BadRowError(ValueError):
    """Why a line is no row."""


class JsonLinesSource:
    """A file of JSON objects; ``null``, and a key that only other rows have, is an empty cell.

    Its rows come mapped to fields already.
    """

    columns: tuple[str, ...] | None = None

    def __init__(self, reading: Reading, mapping: ColumnMap) -> None:
        self._reading = reading
        self._mapping = mapping
        survey_text(reading)

    def require(self, required: Sequence[str]) -> None:
        """Refuse the file by its first records, before any is loaded.

        Raises:
            FileRefusedError: none has a required field, or one has a field from two places.
        """
        seen: dict[str, None] = {}
        records = 0
        with self._reading.text() as file:
            for line in islice(iter(partial(file.readline, LONGEST_ROW + 1), ""), LOOKED_AT):
                try:
                    row = _row(line)
                except _BadRowError:
                    continue
                records += 1
                fields_of(tuple(row), self._mapping)
                seen.update(dict.fromkeys(row))
        if records:
            require_first_fields(tuple(seen), self._mapping, required, records)

    def batches(self, reject: Reject) -> Iterator[Batch]:
        """Yield the rows, some tens of thousands together."""
        rows: list[dict[str, str]] = []
        lines: list[int] = []
        characters = 0
        with self._reading.text() as file:
            for number, line in enumerate(iter(partial(file.readline, LONGEST_ROW + 1), ""), 1):
                if not line.strip():
                    continue
                try:
                    rows.append(self._mapped(_row(line)))
                    lines.append(number)
                except _BadRowError as error:
                    if not line.endswith("\n"):
                        _skip_rest(line, file)
                    reject(number, str(error), line)
                    continue
                characters += len(line)
                if len(rows) >= BATCH_ROWS or characters > BATCH_CHARACTERS:
                    yield from self._batches(rows, lines)
                    rows, lines, characters = [], [], 0
        yield from self._batches(rows, lines)

    def _mapped(self, row: dict[str, str]) -> dict[str, str]:
        """Return a row by its fields: in each row another key may be the same field."""
        if not self._mapping.renamed and not self._mapping.constants:
            return row
        try:
            fields = fields_of(tuple(row), self._mapping)
        except FileRefusedError as error:
            raise _BadRowError(str(error)) from error
        cells = zip(fields, row.values(), strict=True)
        return {**{name: value for name, value in cells if name}, **self._mapping.constants}

    def _batches(self, rows: Sequence[dict[str, str]], lines: Sequence[int]) -> Iterator[Batch]:
        """Yield the rows in their order, with the columns that any of them has."""
        columns = tuple(dict.fromkeys(chain.from_iterable(rows)))
        if rows:
            yield Batch(columns, [[row.get(name, "") for name in columns] for row in rows], lines)


class JsonObjectsSource(JsonLinesSource):
    """The same where a row says nothing about keys it does not have: customers."""

    def _batches(self, rows: Sequence[dict[str, str]], lines: Sequence[int]) -> Iterator[Batch]:
        """Yield the rows with the same keys together."""
        groups: dict[tuple[str, ...], tuple[list[list[str]], list[int]]] = {}
        for row, line in zip(rows, lines, strict=True):
            same, places = groups.setdefault(tuple(row), ([], []))
            same.append(list(row.values()))
            places.append(line)
        for columns, (same, places) in groups.items():
            yield Batch(columns, same, places)


def _skip_rest(line: str, file: Any) -> None:
    while line and not line.endswith("\n"):
        line = file.readline(LONGEST_ROW)


def _row(line: str) -> dict[str, str]:
    """Return the object on one line as column → cell."""
    if len(line) > LONGEST_ROW:
        raise _BadRowError(f"longer than {LONGEST_ROW:,} characters")
    try:
        found = _decode(line)
    except _BadRowError:
        raise
    except RecursionError:
        raise _BadRowError("nested too deeply") from None
    except ValueError as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else "a number too long"
        raise _BadRowError(f"not JSON: {said[:1].lower()}{said[1:]}") from None
    if not isinstance(found, dict):
        raise _BadRowError("not a JSON object")
    row = {nfc(name): cell(value) for name, value in found.items()}
    _refuse_texts(row, escaped="\\u" in line, width=len(found))
    return row


def _refuse_texts(row: dict[str, str], *, escaped: bool, width: int) -> None:
    if len(row) < width:
        raise _BadRowError("the same key twice")
    if "" in row:
        raise _BadRowError("an empty key")
    if escaped:
        whole = "".join(chain_of(row))
        if "\0" in whole:
            raise _BadRowError("a NUL character")
        if not whole.isascii() and any("\ud800" <= letter <= "\udfff" for letter in whole):
            raise _BadRowError("half of a surrogate pair")
    if any(len(value) > LONGEST_FIELD for value in row.values()):
        raise _BadRowError(f"a field longer than {LONGEST_FIELD:,} characters")


def chain_of(row: dict[str, str]) -> Iterator[str]:
    """Yield the keys and cells of a row."""
    yield from row
    yield from row.values()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _BadRowError("the same key twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise _BadRowError(f"{name} is no JSON number")


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_constant=_refuse_constant
).decode


def cell(value: Any) -> str:
    """Return a JSON value as it would stand in a CSV cell.

    A list of single values is ``a;b`` (its JSON, if one of them holds a ``;``), an object its JSON.
    """
    text = raw_text(value)
    if text is not None:
        return text
    if isinstance(value, list):
        parts = [raw_text(item) for item in value]
        if all(part and ";" not in part and part == part.strip() for part in parts):
            joined = ";".join(part for part in parts if part)
            if not joined.startswith("["):
                return joined
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_number)


def _number(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)
