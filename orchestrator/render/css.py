"""Style sheets: which of their rules can be written into the elements, and which cannot.

A rule that depends on where an element stands among others (``:nth-child``, ``+``), or on a
value, is known only when a message is printed. Such rules stay in the sheet, and so do the
properties they speak of: written into an element, these would win over the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

HOLE = "clm-hole"
"""Stands where a template prints a value."""
_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_BRACE = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[{};]", re.DOTALL)
_BETWEEN = re.compile(r",(?![^(\[]*[)\]])")
_ENDED = re.compile(r";(?![^()]*\))")
_BY_PLACE = re.compile(
    r"[+~](?!=)|:(?:nth|first|last|only|empty|not|has|is|where|root|checked|target|lang|dir)\b"
)
_BY_STATE = re.compile(r":")
_PROPERTY = re.compile(r"\s*(-[a-z]+-)?([a-z]+)", re.IGNORECASE)


def sorted_rules(css: str) -> str:
    """Return the rules of a style sheet that can be written into the elements they are for."""
    certain: list[tuple[str, list[str]]] = []
    kept: set[str] = set()
    for selectors, body in _rules(_COMMENT.sub("", css)):
        declarations = [one.strip() for one in _ENDED.split(body) if ":" in one]
        for selector in _BETWEEN.split(selectors):
            if HOLE in selector or HOLE in body or _BY_PLACE.search(selector):
                kept.update(map(_first_word, declarations))
            elif not _BY_STATE.search(selector):
                certain.append((selector.strip(), declarations))
    rules = (
        f"{selector}{{{';'.join(one for one in declarations if _first_word(one) not in kept)}}}"
        for selector, declarations in certain
    )
    return "\n".join(rules)


def declarations_of(style: str) -> list[str]:
    """Return the declarations of a ``style`` attribute."""
    return [one.strip() for one in _ENDED.split(style) if one.strip()]


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """Yield (selectors, declarations) of each rule that stands in no other."""
    begin, depth, head = 0, 0, ""
    for found in _BRACE.finditer(css):
        match found[0]:
            case "{":
                if depth == 0:
                    head, begin = css[begin : found.start()].strip(), found.end()
                depth += 1
            case "}":
                depth = max(0, depth - 1)
                if depth == 0:
                    if head and not head.startswith("@"):
                        yield head, css[begin : found.start()]
                    begin, head = found.end(), ""
            case ";" if depth == 0:
                begin = found.end()  # @import and @charset


def _first_word(declaration: str) -> str:
    found = _PROPERTY.match(declaration)
    return found[2].lower() if found else ""
