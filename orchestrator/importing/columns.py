"""Which column of a file is which field: ``--map``, ``--set``, and what a file must have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.importing.likely_columns import advice
from orchestrator.values import nfc

NAMED_AT_MOST = 24
"""Columns that a refusal lists."""


class FileRefusedError(OrchestratorError):
    """The whole file is refused."""


@dataclass(frozen=True)
class ColumnMap:
    """What the options say about columns."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """Column → field; an empty field leaves the column out."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Field → value of every row."""


def read_mapping(maps: Sequence[str], sets: Sequence[str]) -> ColumnMap:
    """Return what ``--map COLUMN=FIELD`` and ``--set FIELD=VALUE`` say.

    Raises:
        UsageError: one has no ``=``, or two speak of the same column or field.
    """
    renamed = _pairs("--map", maps, "COLUMN=FIELD", last=True)
    constants = _pairs("--set", sets, "FIELD=VALUE", last=False)
    fields = [name for name in renamed.values() if name]
    for name in fields:
        if fields.count(name) > 1 or name in constants:
            raise UsageError(f'"{name}" is given twice by --map and --set')
    return ColumnMap(renamed, constants)


def _pairs(option: str, given: Sequence[str], form: str, *, last: bool) -> dict[str, str]:
    """Split at the last ``=`` (a column's name may hold one) or at the first."""
    pairs: dict[str, str] = {}
    for one in given:
        left, equals, right = one.rpartition("=") if last else one.partition("=")
        left, right = nfc(left.strip()), nfc(right.strip() if last else right)
        if not equals or not left:
            raise UsageError(f'{option} "{one}" is not {form}')
        if left in pairs:
            raise UsageError(f'{option} names "{left}" twice')
        pairs[left] = right
    return pairs


def fields_of(columns: Sequence[str], mapping: ColumnMap) -> tuple[str, ...]:
    """Return the field of each column, in their order; empty for one that is left out.

    Raises:
        FileRefusedError: two columns would be the same field.
    """
    fields = tuple(mapping.renamed.get(column, column) for column in columns)
    taken = [name for name in fields if name] + list(mapping.constants)
    counted = Counter(taken)
    twice = next((name for name in taken if counted[name] > 1), None)
    if twice is not None:
        raise FileRefusedError(
            f'"{twice}" would come from two places: a column of that name and --map or --set',
            help=f'leave the column out with --map "{twice}=", or give it another name',
        )
    return fields


def require_fields(columns: Sequence[str], mapping: ColumnMap, required: Sequence[str]) -> None:
    """Refuse a file whose header lacks a required field, or a column that ``--map`` names.

    Raises:
        FileRefusedError: naming the fields, what the file has, and options that may be meant.
    """
    for column in mapping.renamed:
        if column not in columns:
            near = get_close_matches(column, columns, n=1)
            raise FileRefusedError(
                f'--map names the column "{column}", which the file does not have',
                help=f"did you mean {near[0]}?" if near else f"its columns: {_listed(columns)}",
            )
    have = {*fields_of(columns, mapping), *mapping.constants}
    missing = [name for name in required if name not in have]
    if missing:
        raise _lacking("the file has no column", columns, mapping, missing)


def require_first_fields(
    seen: Sequence[str], mapping: ColumnMap, required: Sequence[str], records: int
) -> None:
    """Refuse a file without header if none of its first records has a required field.

    A key that ``--map`` names may well come later, unless it is a slip of one that was seen.

    Args:
        seen: the keys of these records.
        records: how many they are.
    Raises:
        FileRefusedError: as ``require_fields`` does.
    """
    for column in mapping.renamed:
        near = [] if column in seen else get_close_matches(column, seen, n=1, cutoff=0.8)
        if near:
            raise FileRefusedError(
                f'--map names the key "{column}", which the file\'s first records do not have',
                help=f"did you mean {near[0]}?",
            )
    have = {mapping.renamed.get(key, key) for key in seen} | mapping.constants.keys()
    missing = [name for name in required if name not in have]
    if missing:
        start = (
            "the file's first record has"
            if records == 1
            else (f"none of the file's first {records:,} records has")
        )
        raise _lacking(f"{start} a key", seen, mapping, missing)


def _lacking(
    start: str, columns: Sequence[str], mapping: ColumnMap, missing: Sequence[str]
) -> FileRefusedError:
    free = [column for column in columns if column not in mapping.renamed]
    return FileRefusedError(
        f"{start} {', '.join(f'“{name}”' for name in missing)}; it has: {_listed(columns)}",
        help=advice(missing, free),
    )


def _listed(columns: Sequence[str]) -> str:
    more = len(columns) - NAMED_AT_MOST
    named = ", ".join(columns[:NAMED_AT_MOST]) or "none"
    return f"{named} and {more:,} more" if more > 0 else named


@dataclass(frozen=True)
class Place:
    """Where a field's value stands: in a column, or the same for all rows."""

    column: int | None
    constant: str = ""


def places_of(columns: Sequence[str], mapping: ColumnMap) -> dict[str, Place]:
    """Return field → where it stands in rows of these columns."""
    places = {
        name: Place(number) for number, name in enumerate(fields_of(columns, mapping)) if name
    }
    places.update({name: Place(None, value) for name, value in mapping.constants.items()})
    return places
