"""Which column of a file may be the field it lacks: by its name, and only if the name says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

_WORDS_OF_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_WHO = (
    "customer",
    "client",
    "user",
    "member",
    "contact",
    "subscriber",
    "person",
    "account",
    "shopper",
    "visitor",
    "cust",
    "uid",
    "cookie",
    "session",
    "respondent",
)
_LIKELY: dict[str, tuple[str, ...]] = {
    "id": ("id", *_WHO),
    "customer_id": _WHO,
    "event": ("event", "action", "activity"),
    "at": ("timestamp", "datetime", "date", "time", "ts", "occurred", "when"),
    "message": ("message", "template", "campaign", "mailing"),
    "kind": ("kind", "type", "status", "event"),
}
"""Field → words that the name of such a column has, the likeliest first."""
_OF_OTHER_THINGS = frozenset(
    (
        "invoice",
        "order",
        "product",
        "item",
        "event",
        "message",
        "zip",
        "parent",
        "count",
        "number",
        "num",
        "price",
        "total",
        "zone",
        "format",
    )
)
"""Words by which a name is that of something else, even if it has an ``id`` in it."""
_CONSTANT = frozenset(("event", "message", "kind"))
"""Fields that all rows of a file may well share."""


def likely_column(field: str, columns: Sequence[str]) -> str | None:
    """Return the column that is most likely this field; None if no name says so."""
    ranked = []
    for place, column in enumerate(columns):
        words = [word.lower() for word in _WORDS_OF_NAME.findall(column)]
        ranks = [
            rank for rank, likely in enumerate(_LIKELY.get(field, ())) if _tells(likely, words)
        ]
        if field == "event" and words == ["name"]:
            ranks.append(len(_LIKELY[field]))
        if (ranks and not _OF_OTHER_THINGS & (set(words) - {field})) or _is_date(field, words):
            ranked.append((min(ranks, default=len(words)), len(words), place, column))
    return min(ranked)[-1] if ranked else _slip(field, columns)


def _slip(field: str, columns: Sequence[str]) -> str | None:
    """Return a column whose name is the field's with a slip in it; a plural is another thing."""
    lowered = {column.lower(): column for column in columns if column.lower() != f"{field}s"}
    near = get_close_matches(field, lowered, n=1, cutoff=0.8)
    return lowered[near[0]] if near else None


def _tells(likely: str, words: Sequence[str]) -> bool:
    """Return whether a name has the word, also grown together with another: ``intdate``."""
    return likely in words or (len(likely) > 3 and any(word.endswith(likely) for word in words))


def _is_date(field: str, words: Sequence[str]) -> bool:
    """Return whether that is a day or time of whatever: ``InvoiceDate`` is when it happened."""
    return field == "at" and bool(words) and words[-1] in ("date", "time", "timestamp", "at")


def advice(missing: Sequence[str], columns: Sequence[str]) -> str:
    """Return what to say on the command line for fields that a file lacks."""
    options, open_ids = [], []
    for field in missing:
        column = likely_column(field, columns)
        if column is not None:
            options.append(f'--map "{column}={field}"')
            columns = [one for one in columns if one != column]
        elif field in _CONSTANT:
            options.append(f"--set {field}=VALUE")
        else:
            options.append(f'--map "COLUMN={field}"')
            open_ids += [field] if field.endswith("id") else []
    said = f"say which column it is: {' '.join(options)}"
    if open_ids:
        said += (
            f"; {open_ids[0]} must tell customers apart: if no column does, add one to the file"
            " before, such as the number of the row"
        )
    return said
