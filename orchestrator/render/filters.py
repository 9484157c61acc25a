"""The filters templates may use: a closed list, none of which can grow text without bound.

``money``, ``date`` and ``number`` write as the customer's locale and zone do, the address
filters guard what stands in links and styles; the rest is in ``plain_filters``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from orchestrator.render.faults import RenderError
from orchestrator.render.formats import Formats, to_number
from orchestrator.render.plain_filters import PLAIN_FILTERS, bounded, defined, plain_number, text_of
from orchestrator.render.values import LONGEST_TEXT, kind_of

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
        return plain_number(to_number(value))
    if value is None or isinstance(value, list | tuple | dict):
        raise RenderError("value", f'{kind_of(value)} cannot be printed; a list wants "| join"')
    return formats.date(value)


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
    return rendering_of(context).formats.money(defined(value), currency)


@pass_context
def number(context: Context, value: Any, digits: Any = None) -> str:
    """Number in the customer's locale; `number(2)` fixes the digits."""
    return rendering_of(context).formats.number(defined(value), digits)


@pass_context
def date_(context: Context, value: Any, form: Any = "medium") -> str:
    """Day in the customer's locale and zone: short, medium, long, full or a pattern."""
    return rendering_of(context).formats.date(defined(value), form)


# --- addresses --------------------------------------------------------------------------


def url(value: Any) -> str:
    """The value itself if it is a web, mail or phone address; any other is refused."""
    text = str(defined(value)).strip() if isinstance(value, str) else ""
    if not _URL.match(text):
        raise RenderError("value", "a link is no http, https, mailto or tel address")
    return text


def css_value(value: Any) -> str:
    """The value itself if it is a plain CSS word, number or colour."""
    if isinstance(defined(value), list | dict) or not _CSS_VALUE.match(str(value)):
        raise RenderError("value", "a value in a style is no plain word, number or colour")
    return str(value)


def urlencode(value: Any) -> str:
    """The value as part of a web address: `?q={{ name | urlencode }}`."""
    return quote(text_of(value), safe="")


def same(value: Any) -> Any:
    """The value itself: what is printed is escaped for its place anyway."""
    return value


def safe(value: Any) -> Markup:
    """Printed without escaping; only for values the message lists under `trusted`."""
    return Markup(text_of(value))  # noqa: S704  # what `safe` is for


FILTERS: Mapping[str, Callable[..., Any]] = {
    "money": money, "date": date_, "number": number, "url": url, "urlencode": urlencode,
    "escape": same, "e": same, "safe": safe, **PLAIN_FILTERS,
}  # fmt: skip
"""What a template may write after ``|``."""

LOOP_FILTER, COUNT_FILTER, TEXT_FILTER = "loop rounds", "one include", "bounded text"
URL_FILTER, CSS_FILTER, PRINT_FILTER = "url slot", "style slot", "printed part"
INNER_FILTERS: Mapping[str, Callable[..., Any]] = {
    LOOP_FILTER: bounded_loop, COUNT_FILTER: counted, TEXT_FILTER: bounded,
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
