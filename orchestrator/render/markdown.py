"""Markdown templates become HTML templates, once, with their Jinja untouched."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment

from orchestrator.render.covers import Covered, inert

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_OPEN_LISTS = ("bullet_list_open", "ordered_list_open")
_CLOSE_LISTS = ("bullet_list_close", "ordered_list_close")


@cache
def _converter() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415  # 20 ms that only Markdown templates cost

    return MarkdownIt("commonmark", {"html": True})


def markdown_to_html(environment: Environment, source: str) -> str:
    """Return a Markdown template (CommonMark) as an HTML template.

    A tag alone on its line stands between blocks; a loop around exactly one list is moved
    inside it, so that its rounds make one list.
    """
    covered = Covered(environment, source)
    alone = re.compile(rf"^[ \t]*((?:{covered.statement.pattern}[ \t]*)+)$", re.MULTILINE)
    text = alone.sub(lambda match: f"<!--{match[1].strip()}-->", covered.text)
    converter = _converter()
    tokens = _lists_outside_loops(converter.parse(text), covered)
    html = str(converter.renderer.render(tokens, converter.options, {}))
    comment = re.compile(rf"<!--((?:{covered.statement.pattern}[ \t]*)+)-->\n?")
    return covered.uncover(comment.sub(lambda match: match[1], html), inert)


def _lists_outside_loops(tokens: list[Token], covered: Covered) -> list[Token]:
    """Turn ``for, list, items, end of list, endfor`` into ``list, for, items, endfor, end``."""
    result = list(tokens)
    for at, token in enumerate(tokens[:-1]):
        following = tokens[at + 1]
        if not _is_tag(token, covered, "for") or following.type not in _OPEN_LISTS:
            continue
        end = _end_of(tokens, at + 1)
        if end + 1 < len(tokens) and _is_tag(tokens[end + 1], covered, "endfor"):
            result[at], result[at + 1] = following, token
            result[end], result[end + 1] = tokens[end + 1], tokens[end]
    return result


def _is_tag(token: Token, covered: Covered, name: str) -> bool:
    content = token.content.strip().removeprefix("<!--").removesuffix("-->")
    tag = covered.tag_of(content) if token.type == "html_block" else ""
    return re.match(rf"\{{%[-+]?\s*{name}\b", tag) is not None


def _end_of(tokens: list[Token], begin: int) -> int:
    level = tokens[begin].level
    for at in range(begin + 1, len(tokens)):
        if tokens[at].type in _CLOSE_LISTS and tokens[at].level == level:
            return at
    return begin
