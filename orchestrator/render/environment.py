"""The sandboxed environments: one each for HTML, text, headers and JSON.

Templates are a closed language (``grammar``): what they can reach is plain data, what
they can do is counted, what they print is bounded.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice
from typing import Any, ClassVar

from jinja2 import StrictUndefined, Undefined, pass_context
from jinja2.environment import TemplateModule
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from orchestrator.render.faults import RenderError
from orchestrator.render.filters import (
    FILTERS,
    INNER_FILTERS,
    TESTS,
    capped_range,
    printed,
    rendering_of,
)
from orchestrator.render.values import LONGEST_TEXT, kind_of, lookup

LARGEST_PART = 1_000_000
"""Characters of one part of one message."""
_PIECES = 256
LOOP_NAMES = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0",
     "previtem", "nextitem", "cycle", "changed"}
)  # fmt: skip
_NUMBERS = (int, float, Decimal)
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_WIDEST = Decimal(10) ** 24


def bounded_concat(pieces: Iterable[str]) -> str:
    """Join what a template prints, ending as soon as it is more than ``LARGEST_PART``."""
    stream = iter(pieces)
    head = list(islice(stream, _PIECES))
    text = "".join(head)
    if len(head) < _PIECES and len(text) <= LARGEST_PART:
        return text
    parts, size = [text], len(text)
    while size <= LARGEST_PART:
        text = "".join(islice(stream, _PIECES))
        if not text:
            # A run of pieces that print nothing is not yet the end.
            following = next(stream, None)
            if following is None:
                return "".join(parts)
            text = following
        parts.append(text)
        size += len(text)
    raise RenderError("too_large", f"a part is longer than {LARGEST_PART} characters")


class MessageEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox all templates run in; names reach items of mappings and nothing else."""

    kind: ClassVar[str] = "text"
    escapes_html: ClassVar[bool] = False
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})
    concat = staticmethod(bounded_concat)

    def __init__(self, **options: Any) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=self.escapes_html,
            finalize=self.finalizer(),
            cache_size=-1,
            auto_reload=False,
            **options,
        )
        self.filters = {**FILTERS, **INNER_FILTERS}
        self.tests = {name: test for name, test in self.tests.items() if name in TESTS}
        self.globals = {"range": capped_range}

    def finalizer(self) -> Callable[..., Any]:
        """Return what every printed value passes through."""
        return printed

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an item by name; the attributes of Python objects do not exist here."""
        if isinstance(obj, dict):
            try:
                return obj[attribute]
            except KeyError:
                return lookup(obj, attribute)
        if isinstance(obj, LoopContext) and attribute in LOOP_NAMES:
            return getattr(obj, attribute)
        if isinstance(obj, TemplateModule) and not attribute.startswith("_"):
            exported = vars(obj).get(attribute)
            if exported is not None:
                return exported
        return lookup(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item by a name or number that is itself a value, or a slice."""
        try:
            if isinstance(obj, dict | list | tuple | str):
                return obj[argument]
        except (LookupError, TypeError, ValueError):
            pass
        if isinstance(obj, Undefined):
            return obj._fail_with_undefined_error()
        return StrictUndefined(hint=f"{kind_of(obj)} has no such item")

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a macro, ``super``, ``caller``, ``range`` or a loop's own; nothing else."""
        rendering_of(context).spend(1)
        known = isinstance(obj, Macro | BlockReference | LoopContext) or obj is capped_range
        if isinstance(obj, Undefined):
            obj._fail_with_undefined_error()
        if not known and not isinstance(getattr(obj, "__self__", None), LoopContext):
            raise RenderError("template", f"{kind_of(obj)} cannot be called")
        try:
            return context.call(obj, *args, **kwargs)
        except TypeError:
            raise RenderError("template", "a macro was called with the wrong arguments") from None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers, exactly; texts only join, and only so far."""
        for side in (left, right):
            if isinstance(side, Undefined):
                side._fail_with_undefined_error()
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            if len(left) + len(right) > LONGEST_TEXT:
                raise RenderError("too_large", "a text grew too long")
            return left + right
        return _calculate(operator, left, right)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """Give a number another sign."""
        if isinstance(arg, Undefined):
            arg._fail_with_undefined_error()
        return _calculate("*", arg, -1 if operator == "-" else 1)


def _calculate(operator: str, left: Any, right: Any) -> Any:
    action = _ARITHMETIC.get(operator)
    if action is None:
        raise RenderError("template", f'"{operator}" is not available in templates')
    for side in (left, right):
        if isinstance(side, bool) or not isinstance(side, _NUMBERS):
            raise RenderError("value", f'"{operator}" calculates with numbers, not {kind_of(side)}')
    try:
        result = action(_exact(left, operator), _exact(right, operator))
    except ArithmeticError:
        raise RenderError("value", f'"{operator}" has no result here') from None
    if abs(result) >= _WIDEST:
        raise RenderError("too_large", "a number grew too large")
    return result


def _exact(number: Any, operator: str) -> Any:
    """Return a number that calculates exactly: 0.1 is a tenth, 7 / 2 is not rounded."""
    if isinstance(number, float) or operator == "/":
        return Decimal(str(number))
    return number


class HtmlEnvironment(MessageEnvironment):
    """HTML bodies: every value is escaped where it is printed."""

    kind = "html"
    escapes_html = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.filters["escape"] = self.filters["e"] = _escaped


def _escaped(value: Any) -> Any:
    return Markup.escape(value) if isinstance(value, str) else value


class TextEnvironment(MessageEnvironment):
    """Plain-text bodies: nothing is escaped."""

    kind = "text"


class HeaderEnvironment(MessageEnvironment):
    """Subjects and preheaders: plain text, checked to be one clean line afterwards."""

    kind = "header"


class JsonEnvironment(MessageEnvironment):
    """JSON bodies: a value inside quotes stays inside them."""

    kind = "json"

    def finalizer(self) -> Callable[..., Any]:
        return _json_printed


@pass_context
def _json_printed(context: Context, value: object) -> str:
    text: str = printed(context, value)
    return json.dumps(text, ensure_ascii=False)[1:-1] if isinstance(value, str) else text
