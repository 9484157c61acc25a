"""What templates see: plain data in mappings that know their own names."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, Undefined
from markupsafe import Markup

from orchestrator.render.faults import RenderError

LONGEST_TEXT = 65_536
"""Characters of one value; an import admits no longer field either."""
MOST_ITEMS = 10_000
DEEPEST = 20
_AS_THEY_ARE = frozenset({int, bool, date, datetime})


class Facts(dict[str, Any]):
    """A mapping templates read by name; ``path`` is what the template calls it.

    ``absent`` says of a name that is known and has no value here why that is; any other
    name that is not in the mapping does not exist at all.
    """

    __slots__ = ("absent", "path")

    def __init__(self, path: str, absent: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.absent: Mapping[str, str] = {} if absent is None else absent


class Missing(StrictUndefined):
    """A declared value that this customer or run does not have.

    Printing it is an error; as in conditions (semantics 19) it is neither true nor equal
    to anything, so that ``{% if customer.first_name %}`` asks what it seems to ask.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # unhashable, as Python does it

    def __bool__(self) -> bool:  # type: ignore[override]  # stricter than Jinja
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]  # the same
        return False

    def __ne__(self, other: object) -> bool:  # type: ignore[override]  # the same
        return True

    def __contains__(self, item: object) -> bool:  # type: ignore[override]  # the same
        return False

    def _never(self, other: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _never  # type: ignore[assignment]  # the same


def lookup(obj: object, name: str) -> Any:
    """Return an item of a mapping by name; what is not there is an undefined value."""
    if isinstance(obj, dict):
        try:
            return obj[name]
        except KeyError:
            return _not_there(obj, name)
    if isinstance(obj, Undefined):
        return obj._fail_with_undefined_error()
    return StrictUndefined(hint=f'there is no "{name}" in {kind_of(obj)}')


def _not_there(obj: dict[str, Any], name: str) -> Undefined:
    if not isinstance(obj, Facts):
        return Missing(hint=f'"{name}" is missing')
    if name in obj.absent:
        return Missing(hint=f"{obj.path}.{name} {obj.absent[name]}")
    return StrictUndefined(hint=f"{obj.path}.{name} does not exist")


def is_absent(value: object) -> bool:
    """Return whether a value counts as missing: nothing, empty text, not a number."""
    if value is None or value == "":
        return True
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, Decimal) and not value.is_finite()


def plain(value: object, *, depth: int = 0) -> Any:
    """Return a value as exact built-in types only: no subclass, no object with methods.

    Raises:
        RenderError: the value is of another type, nested too deep, or too large.
    """
    kind = type(value)
    if kind is str:
        return _text(value)  # type: ignore[arg-type]  # its type says so
    if kind in _AS_THEY_ARE or (kind in (Decimal, float) and not is_absent(value)):
        return value
    if value is None or kind in (Decimal, float):
        return None
    if depth >= DEEPEST:
        raise RenderError("too_large", f"a value is nested deeper than {DEEPEST} levels")
    if isinstance(value, Mapping):
        return _plain_mapping(value, depth)
    if isinstance(value, list | tuple):
        _bound(len(value))
        return [plain(item, depth=depth + 1) for item in value]
    return _plain_subclass(value)


def _text(value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise RenderError("too_large", f"a value is longer than {LONGEST_TEXT} characters")
    return value


def _plain_subclass(value: object) -> Any:
    if isinstance(value, str):
        return _text(str.__str__(Markup(value) if isinstance(value, Markup) else value)[:])  # noqa: S704  # is one
    raise RenderError("value", f"a value of type {type(value).__name__} is no plain value")


def _plain_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    _bound(len(value))
    items = ((str(key), item) for key, item in value.items() if not is_absent(item))
    return {key: plain(item, depth=depth + 1) for key, item in items}


def _bound(length: int) -> None:
    if length > MOST_ITEMS:
        raise RenderError("too_large", f"a list has more than {MOST_ITEMS} items")


def kind_of(value: object) -> str:
    """Return what a value is, in a reader's words, without the value."""
    match value:
        case str():
            return "a text"
        case bool():
            return "true or false"
        case int() | float() | Decimal():
            return "a number"
        case date():
            return "a date"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case None:
            return "nothing"
        case _:
            return f"a {unicodedata.normalize('NFC', type(value).__name__).lower()}"
