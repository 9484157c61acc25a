"""The filters templates may use: a closed list, none of which can grow text without bound.

``money``, ``date`` and ``number`` write as the customer's locale and zone do; the others
are Jinja's own names for harmless work on plain values, written again here because
Jinja's call methods of whatever they are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from orchestrator.render.faults import RenderError
from orchestrator.render.formats import Formats, to_number
from orchestrator.render.values import LONGEST_TEXT, kind_of, lookup

RENDERING = "rendering of this message"
"""Context key of the ``Rendering``; no template can name it, it is no identifier."""
MOST_WORK = 20_000
"""Loop rounds, macro calls and includes of one part of one message."""
_URL = re.compile(
    r"(?:https?://[^\s\x00-\x20\"'<>\\^`{|}\x7f]+|(?:mailto|tel):[^\s\x00-\x20\"'<>\\^`{|}\x7f]+)\Z",
    re.IGNORECASE,
)
_CSS_VALUE = re.compile(r"[#A-Za-z0-9 .,%_-]*\Z")


class Rendering:
    """What filters must know of the message in hand: its formats, and the work left."""

    __slots__ = ("formats", "work")

    def __init__(self, formats: Formats) -> None:
        self.formats = formats
        self.work = MOST_WORK

    def spend(self, work: int) -> None:
        """Count work; refuses more than ``MOST_WORK`` for one part of a message."""
        self.work -= work
        if self.work < 0:
            raise RenderError(
                "too_large",
                f"the template takes more than {MOST_WORK} loop rounds, calls and includes",
            )


def rendering_of(context: Context) -> Rendering:
    """Return the rendering that a template context belongs to."""
    rendering: Rendering = context.parent[RENDERING]
    return rendering


# --- printing ---------------------------------------------------------------------------


def written(value: object, formats: Formats) -> str:
    """Return a value as it is printed; dates in the customer's own form.

    Raises:
        RenderError: it is a list, a mapping or nothing: never what a customer should read.
        UndefinedError: it is undefined.
    """
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise RenderError("too_large", f"a text is longer than {LONGEST_TEXT} characters")
        return value
    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _plain_number(to_number(value))
    if value is None or isinstance(value, list | tuple | dict):
        raise RenderError("value", f'{kind_of(value)} cannot be printed; a list wants "| join"')
    return formats.date(value)


def _plain_number(number: int | Decimal) -> str:
    if isinstance(number, int):
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@pass_context
def printed(context: Context, value: object) -> str:
    """Return what an expression prints (``finalize`` of every environment)."""
    if type(value) is str and len(value) <= LONGEST_TEXT:
        return value
    return written(value, rendering_of(context).formats)


@pass_context
def bounded_loop(context: Context, value: Any) -> Any:
    """Return what a loop runs over after counting its rounds against the work left."""
    if isinstance(value, Undefined):
        return value
    if not isinstance(value, list | tuple | dict | str):
        raise RenderError("value", f"a loop cannot run over {kind_of(value)}")
    rendering_of(context).spend(len(value) + 1)
    return value


@pass_context
def counted(context: Context, value: Any) -> Any:
    """Count one include."""
    rendering_of(context).spend(1)
    return value


# --- customer's locale ------------------------------------------------------------------


@pass_context
def money(context: Context, value: Any, currency: Any = None) -> str:
    """Amount with currency as the customer's locale writes it: `{{ total | money }}`."""
    return rendering_of(context).formats.money(_defined(value), currency)


@pass_context
def number(context: Context, value: Any, digits: Any = None) -> str:
    """Number in the customer's locale; `number(2)` fixes the digits."""
    return rendering_of(context).formats.number(_defined(value), digits)


@pass_context
def date_(context: Context, value: Any, form: Any = "medium") -> str:
    """Day in the customer's locale and zone: short, medium, long, full or a pattern."""
    return rendering_of(context).formats.date(_defined(value), form)


# --- addresses --------------------------------------------------------------------------


def url(value: Any) -> str:
    """The value itself if it is a web, mail or phone address; any other is refused."""
    text = str(_defined(value)).strip() if isinstance(value, str) else ""
    if not _URL.match(text):
        raise RenderError("value", "a link is no http, https, mailto or tel address")
    return text


def css_value(value: Any) -> str:
    """The value itself if it is a plain CSS word, number or colour."""
    if isinstance(_defined(value), list | dict) or not _CSS_VALUE.match(str(value)):
        raise RenderError("value", "a value in a style is no plain word, number or colour")
    return str(value)


def urlencode(value: Any) -> str:
    """The value as part of a web address: `?q={{ name | urlencode }}`."""
    return quote(_text(value), safe="")


# --- plain work on text, numbers and lists ----------------------------------------------


def default(value: Any, other: Any = "", boolean: Any = False) -> Any:
    """Another value where this one is missing (with `true`: or empty)."""
    return other if isinstance(value, Undefined) or (boolean and not value) else value


def _defined(value: Any) -> Any:
    return value._fail_with_undefined_error() if isinstance(value, Undefined) else value


def _text(value: Any) -> str:
    if isinstance(_defined(value), str):
        return str(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _plain_number(to_number(value))
    raise RenderError("value", f"{kind_of(value)} was to be a text")


def _items(value: Any) -> list[Any]:
    if isinstance(_defined(value), list | tuple):
        return list(value)
    raise RenderError("value", f"{kind_of(value)} was to be a list")


def _bounded(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise RenderError("too_large", f"a text grew longer than {LONGEST_TEXT} characters")
    return text


def upper(value: Any) -> str:
    """In capitals."""
    return _text(value).upper()


def lower(value: Any) -> str:
    """In small letters."""
    return _text(value).lower()


def title(value: Any) -> str:
    """Each word with a capital."""
    return re.sub(r"(^|[\s({\[<-])(\w)", lambda m: m[1] + m[2].upper(), _text(value).lower())


def capitalize(value: Any) -> str:
    """First letter a capital, the rest small."""
    return _text(value).capitalize()


def trim(value: Any) -> str:
    """Without white space at both ends."""
    return _text(value).strip()


def length(value: Any) -> int:
    """Characters of a text, items of a list or mapping."""
    if isinstance(_defined(value), str | list | tuple | dict):
        return len(value)
    raise RenderError("value", f"{kind_of(value)} has no length")


def join(value: Any, between: Any = "", attribute: Any = None) -> str:
    """The items of a list as one text."""
    items = _items(value)
    if attribute is not None:
        items = [lookup(item, str(attribute)) for item in items]
    separator = _text(between)
    texts, size = [], 0
    for item in items:
        texts.append(_text(item))
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
    items = value if isinstance(value, str) else _items(value)
    if items:
        return items[index]
    raise RenderError("undefined", f"{kind_of(value)} without items has no first or last one")


def round_(value: Any, digits: Any = 0, method: Any = "common") -> Any:
    """Rounded to so many digits; half goes away from zero, or `'floor'`, `'ceil'`."""
    modes = {"common": ROUND_HALF_UP, "floor": ROUND_FLOOR, "ceil": ROUND_CEILING}
    if not isinstance(digits, int) or not 0 <= digits <= 12 or method not in modes:
        raise RenderError("value", "round takes 0 to 12 digits and common, floor or ceil")
    number = Decimal(to_number(_defined(value)))
    return number.quantize(Decimal(1).scaleb(-digits), rounding=modes[method])


def int_(value: Any, other: Any = 0) -> Any:
    """Whole number, or another value where there is none."""
    try:
        return int(to_number(_defined(value)))
    except (RenderError, InvalidOperation):
        return other


def float_(value: Any, other: Any = 0) -> Any:
    """Number, or another value where there is none."""
    try:
        return to_number(_defined(value))
    except RenderError:
        return other


def abs_(value: Any) -> Any:
    """Without its sign."""
    return abs(to_number(_defined(value)))


def truncate(value: Any, length: Any = 255, killwords: Any = False, end: Any = "…") -> str:
    """Cut to so many characters, between words unless `true` follows."""
    text, tail = _text(value), _text(end)
    if not isinstance(length, int) or length < len(tail):
        raise RenderError("value", "truncate takes a number of characters")
    if len(text) <= length:
        return text
    cut = text[: length - len(tail)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + tail


def replace(value: Any, old: Any, new: Any, count: Any = -1) -> str:
    """With one text in place of another."""
    text, before, after = _text(value), _text(old), _text(new)
    if not before or not isinstance(count, int):
        raise RenderError("value", "replace takes the text to be replaced")
    if len(after) > len(before) and text.count(before) * len(after) > LONGEST_TEXT:
        raise RenderError("too_large", f"a text grew longer than {LONGEST_TEXT} characters")
    return text.replace(before, after, count)


def sort(value: Any, reverse: Any = False, attribute: Any = None) -> list[Any]:
    """The items of a list in order."""
    items = _items(value)
    try:
        return sorted(items, key=_key(attribute), reverse=bool(reverse))
    except TypeError:
        raise RenderError("value", "the items of a list are of several types") from None


def _key(attribute: Any) -> Callable[[Any], Any]:
    def key(item: Any) -> Any:
        found = item if attribute is None else _defined(lookup(item, str(attribute)))
        return found.casefold() if isinstance(found, str) else found

    return key


def reverse(value: Any) -> Any:
    """A list from its end."""
    return value[::-1] if isinstance(value, str) else _items(value)[::-1]


def unique(value: Any) -> list[Any]:
    """The items of a list, each once."""
    seen: list[Any] = []
    for item in _items(value)[:1000]:
        if item not in seen:
            seen.append(item)
    return seen


def sum_(value: Any, attribute: Any = None) -> Any:
    """The items of a list added up."""
    items = _items(value)
    if attribute is not None:
        items = [_defined(lookup(item, str(attribute))) for item in items]
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
    return [lookup(item, attribute) for item in _items(value)]


def items(value: Any) -> list[tuple[str, Any]]:
    """Name and value of each item of a mapping."""
    if isinstance(_defined(value), Mapping):
        return list(value.items())
    raise RenderError("value", f"{kind_of(value)} is no mapping")


def same(value: Any) -> Any:
    """The value itself: what is printed is escaped for its place anyway."""
    return value


def safe(value: Any) -> Markup:
    """Printed without escaping; only for values the message lists under `trusted`."""
    return Markup(_text(value))  # noqa: S704  # what `safe` is for


FILTERS: Mapping[str, Callable[..., Any]] = {
    "money": money, "date": date_, "number": number, "url": url, "urlencode": urlencode,
    "default": default, "d": default, "upper": upper, "lower": lower, "title": title,
    "capitalize": capitalize, "trim": trim, "length": length, "count": length, "join": join,
    "first": first, "last": last, "round": round_, "int": int_, "float": float_, "abs": abs_,
    "truncate": truncate, "replace": replace, "sort": sort, "reverse": reverse,
    "unique": unique, "sum": sum_, "min": min_, "max": max_, "map": map_, "items": items,
    "string": _text, "escape": same, "e": same, "safe": safe,
}  # fmt: skip
"""What a template may write after ``|``."""

LOOP_FILTER, COUNT_FILTER, TEXT_FILTER = "loop rounds", "one include", "bounded text"
URL_FILTER, CSS_FILTER, PRINT_FILTER = "url slot", "style slot", "printed part"
INNER_FILTERS: Mapping[str, Callable[..., Any]] = {
    LOOP_FILTER: bounded_loop, COUNT_FILTER: counted, TEXT_FILTER: _bounded,
    URL_FILTER: url, CSS_FILTER: css_value, PRINT_FILTER: printed,
}  # fmt: skip
"""What compiling puts into templates; the names hold a space, so no template can write them."""

TESTS = frozenset(
    {
        "defined", "undefined", "none", "string", "number", "integer", "float", "boolean",
        "true", "false", "even", "odd", "divisibleby", "in", "mapping", "sequence", "iterable",
        "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=", "gt",
        "greaterthan", ">", "ge", ">=", "lower", "upper", "sameas",
    }
)  # fmt: skip
"""What a template may write after ``is``."""


def capped_range(*ends: int) -> Sequence[int]:
    """Whole numbers, at most 1,000 of them: `{% for _ in range(5) %}`."""
    if not all(type(end) is int for end in ends):
        raise RenderError("value", "range takes whole numbers")
    try:
        numbers = range(*ends)
    except (TypeError, ValueError):
        raise RenderError("value", "range takes one to three whole numbers") from None
    if len(numbers) > MOST_ROUNDS:
        raise RenderError("too_large", f"range gives more than {MOST_ROUNDS} numbers")
    return list(numbers)


MOST_ROUNDS = 1_000
