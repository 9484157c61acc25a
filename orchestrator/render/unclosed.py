"""Blocks that a template opens and never closes: the parser tells of them where the text ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError

_BLOCKS = frozenset(("if", "for", "block", "macro", "call", "filter", "with", "set"))


@dataclass(frozen=True)
class Opening:
    """Where a block opens."""

    line: int
    needle: str
    """What the tag begins with: ``{% if``."""
    order: int
    """So many tags that begin so stand before it on its line."""
    block: str


def unclosed(parser: Environment, text: str) -> Opening | None:
    """Return the innermost block of a text that is open at its end; None if none is."""
    open_now: list[Opening] = []
    try:
        for tag in _tags(parser, text):
            if not tag.block.startswith("end"):
                open_now.append(tag)
            elif open_now:
                open_now.pop()
    except TemplateSyntaxError:
        return None
    return open_now[-1] if open_now else None


def _tags(parser: Environment, text: str) -> list[Opening]:
    """Return the tags that open a block or close one, in their order."""
    found: list[Opening] = []
    tag: list[tuple[int, str, str]] = []
    seen: dict[tuple[int, str], int] = {}
    for token in parser.lex(text):
        if token[1] == "block_begin":
            tag = []
        tag.append(token)
        if token[1] != "block_end" or len(tag) < 3:
            continue
        line = tag[0][0]
        words = [value for _, kind, value in tag[1:-1] if kind != "whitespace"]
        needle = _needle(tag)
        order = seen.get((line, needle), 0)
        seen[line, needle] = order + 1
        name = words[0] if words else ""
        sets_at_once = name == "set" and "=" in words
        if (name in _BLOCKS and not sets_at_once) or re.fullmatch(r"end[a-z]+", name):
            found.append(Opening(line, needle, order, name))
    return found


def _needle(tag: list[tuple[int, str, str]]) -> str:
    """Return the beginning of a tag as it is written, up to its first word, on its first line."""
    written = ""
    for line, kind, value in tag:
        written += value
        if line == tag[0][0] and kind == "name":
            break
    return written.split("\n")[0]
