"""Filters for plain work on texts, numbers and lists; they know nothing of the message in hand.

Jinja's own names, written again here because Jinja's call methods of whatever they are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from jinja2 import Undefined

from orchestrator.render.faults import RenderError
from orchestrator.render.formats import to_number
from orchestrator.render.values import LONGEST_TEXT, kind_of, lookup


def default(value: Any, other: Any = "", boolean: Any = False) -> Any:
    """Another value where this one is missing (with `true`: or empty)."""
    return other if isinstance(value, Undefined) or (boolean and not value) else value


def upper(value: Any) -> str:
    """In capitals."""
    return text_of(value).upper()


def lower(value: Any) -> str:
    """In small letters."""
    return text_of(value).lower()


def title(value: Any) -> str:
    """Each word with a capital."""
    return re.sub(r"(^|[\s({\[<-])(\w)", lambda m: m[1] + m[2].upper(), text_of(value).lower())


def capitalize(value: Any) -> str:
    """First letter a capital, the rest small."""
    return text_of(value).capitalize()


def trim(value: Any) -> str:
    """Without white space at both ends."""
    return text_of(value).strip()


def length(value: Any) -> int:
    """Characters of a text, items of a list or mapping."""
    if isinstance(defined(value), str | list | tuple | dict):
        return len(value)
    raise RenderError("value", f"{kind_of(value)} has no length")


def join(value: Any, between: Any = "", attribute: Any = None) -> str:
    """The items of a list as one text."""
    items = items_of(value)
    if attribute is not None:
        items = [lookup(item, str(attribute)) for item in items]
    separator = text_of(between)
    texts, size = [], 0
    for item in items:
        texts.append(text_of(item))
        size += len(texts[-1]) + len(separator)
        if size > LONGEST_TEXT:
            raise RenderError("too_large", f"a text grew longer than {LONGEST_TEXT} characters")
    return separator.join(texts)


def first(value: Any) -> Any:
    """First item of a list, first character of a text."""
    return _end(value, 0)


def last(value: Any) -> Any:
    """Last item of a list, last character of a text."""
    return _end(value, -1)


def _end(value: Any, index: int) -> Any:
    items = value if isinstance(value, str) else items_of(value)
    if items:
        return items[index]
    raise RenderError("undefined", f"{kind_of(value)} without items has no first or last one")


def round_(value: Any, digits: Any = 0, method: Any = "common") -> Any:
    """Rounded to so many digits; half goes away from zero, or `'floor'`, `'ceil'`."""
    modes = {"common": ROUND_HALF_UP, "floor": ROUND_FLOOR, "ceil": ROUND_CEILING}
    if not isinstance(digits, int) or not 0 <= digits <= 12 or method not in modes:
        raise RenderError("value", "round takes 0 to 12 digits and common, floor or ceil")
    number = Decimal(to_number(defined(value)))
    return number.quantize(Decimal(1).scaleb(-digits), rounding=modes[method])


def int_(value: Any, other: Any = 0) -> Any:
    """Whole number, or another value where there is none."""
    try:
        return int(to_number(defined(value)))
    except (RenderError, InvalidOperation):
        return other


def float_(value: Any, other: Any = 0) -> Any:
    """Number, or another value where there is none."""
    try:
        return to_number(defined(value))
    except RenderError:
        return other


def abs_(value: Any) -> Any:
    """Without its sign."""
    return abs(to_number(defined(value)))


def truncate(value: Any, length: Any = 255, killwords: Any = False, end: Any = "…") -> str:
    """Cut to so many characters, between words unless `true` follows."""
    text, tail = text_of(value), text_of(end)
    if not isinstance(length, int) or length < len(tail):
        raise RenderError("value", "truncate takes a number of characters")
    if len(text) <= length:
        return text
    cut = text[: length - len(tail)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + tail


def replace(value: Any, old: Any, new: Any, count: Any = -1) -> str:
    """With one text in place of another."""
    text, before, after = text_of(value), text_of(old), text_of(new)
    if not before or not isinstance(count, int):
        raise RenderError("value", "replace takes the text to be replaced")
    if len(after) > len(before) and text.count(before) * len(after) > LONGEST_TEXT:
        raise RenderError("too_large", f"a text grew longer than {LONGEST_TEXT} characters")
    return text.replace(before, after, count)


def sort(value: Any, reverse: Any = False, attribute: Any = None) -> list[Any]:
    """The items of a list in order."""
    items = items_of(value)
    try:
        return sorted(items, key=_key(attribute), reverse=bool(reverse))
    except TypeError:
        raise RenderError("value", "the items of a list are of several types") from None


def _key(attribute: Any) -> Callable[[Any], Any]:
    def key(item: Any) -> Any:
        found = item if attribute is None else defined(lookup(item, str(attribute)))
        return found.casefold() if isinstance(found, str) else found

    return key


def reverse(value: Any) -> Any:
    """A list from its end."""
    return value[::-1] if isinstance(value, str) else items_of(value)[::-1]


def unique(value: Any) -> list[Any]:
    """The items of a list, each once."""
    seen: list[Any] = []
    for item in items_of(value)[:1000]:
        if item not in seen:
            seen.append(item)
    return seen


def sum_(value: Any, attribute: Any = None) -> Any:
    """The items of a list added up."""
    items = items_of(value)
    if attribute is not None:
        items = [defined(lookup(item, str(attribute))) for item in items]
    return sum((to_number(item) for item in items), Decimal(0))


def min_(value: Any) -> Any:
    """The smallest item."""
    return first(sort(value))


def max_(value: Any) -> Any:
    """The largest item."""
    return last(sort(value))


def map_(value: Any, attribute: Any = None) -> list[Any]:
    """One item of each mapping of a list: `items | map(attribute='name')`."""
    if not isinstance(attribute, str):
        raise RenderError("value", "map takes attribute='name'")
    return [lookup(item, attribute) for item in items_of(value)]


def items(value: Any) -> list[tuple[str, Any]]:
    """Name and value of each item of a mapping."""
    if isinstance(defined(value), Mapping):
        return list(value.items())
    raise RenderError("value", f"{kind_of(value)} is no mapping")


# --- what is taken ----------------------------------------------------------------------


def defined(value: Any) -> Any:
    """Return the value; one that is undefined fails by its own name."""
    return value._fail_with_undefined_error() if isinstance(value, Undefined) else value


def text_of(value: Any) -> str:
    """Return a text, or a number as text; anything else is refused."""
    if isinstance(defined(value), str):
        return str(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return plain_number(to_number(value))
    raise RenderError("value", f"{kind_of(value)} was to be a text")


def items_of(value: Any) -> list[Any]:
    """Return the items of a list; anything else is refused."""
    if isinstance(defined(value), list | tuple):
        return list(value)
    raise RenderError("value", f"{kind_of(value)} was to be a list")


def bounded(text: str) -> str:
    """Return a text that is no longer than any may be."""
    if len(text) > LONGEST_TEXT:
        raise RenderError("too_large", f"a text grew longer than {LONGEST_TEXT} characters")
    return text


def plain_number(number: int | Decimal) -> str:
    """Return a number as digits, without zeros behind a point."""
    if isinstance(number, int):
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


PLAIN_FILTERS: Mapping[str, Callable[..., Any]] = {
    "default": default, "d": default, "upper": upper, "lower": lower, "title": title,
    "capitalize": capitalize, "trim": trim, "length": length, "count": length, "join": join,
    "first": first, "last": last, "round": round_, "int": int_, "float": float_, "abs": abs_,
    "truncate": truncate, "replace": replace, "sort": sort, "reverse": reverse,
    "unique": unique, "sum": sum_, "min": min_, "max": max_, "map": map_, "items": items,
    "string": text_of,
}  # fmt: skip
