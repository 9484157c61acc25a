"""Covering Jinja with harmless words while its surroundings are converted.

Markdown becomes HTML, and HTML becomes plain text, once per template and not once per
message: tags and expressions are replaced by words that the converters leave alone, and
put back afterwards. So data is never read as Markdown, and converting costs nothing later.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from jinja2 import Environment

_OPENS = {"variable_begin": "variable_end", "block_begin": "block_end",
          "raw_begin": "raw_end", "comment_begin": "comment_end"}  # fmt: skip


_MARK = "qjinjaq"
"""Begins each word. It is the same for all texts that do not say it: patterns compile once."""


class Covered:
    """A template's text with each Jinja tag replaced by one word.

    ``expression`` matches the word of a ``{{ … }}`` (or raw part), ``statement`` of a
    ``{% … %}``; comments are dropped. Line breaks inside a tag do not count.
    """

    def __init__(self, environment: Environment, source: str) -> None:
        self._mark = _MARK if _MARK not in source else _unlike(source)
        self._tags: list[str] = []
        self.expression = re.compile(rf"{self._mark}e[0-9]+z")
        self.statement = re.compile(rf"{self._mark}s[0-9]+z")
        self.any = re.compile(rf"{self._mark}[es]([0-9]+)z")
        self.text = self._cover(environment, source)

    def _cover(self, environment: Environment, source: str) -> str:
        covered: list[str] = []
        tag: list[str] = []
        until = ""
        begun = ""
        for _, token, value in environment.lex(source):
            if until:
                tag.append(value)
                if token == until:
                    covered.append(self._word(begun, "".join(tag)))
                    until = ""
            elif token in _OPENS:
                tag, until, begun = [value], _OPENS[token], token
            else:
                covered.append(value)
        return "".join(covered)

    def _word(self, begun: str, tag: str) -> str:
        if begun == "comment_begin":
            return ""
        self._tags.append(tag)
        kind = "s" if begun == "block_begin" else "e"
        return f"{self._mark}{kind}{len(self._tags) - 1}z"

    def tag_of(self, word: str) -> str:
        """Return the tag a word stands for."""
        match = self.any.fullmatch(word)
        return self._tags[int(match[1])] if match else ""

    def uncover(self, text: str, fixed: Callable[[str], str] = str) -> str:
        """Return text with the tags in place of their words.

        Args:
            fixed: applied to the text between the words.
        """
        parts: list[str] = []
        at = 0
        for match in self.any.finditer(text):
            parts += (fixed(text[at : match.start()]), self._tags[int(match[1])])
            at = match.end()
        return "".join((*parts, fixed(text[at:])))


def _unlike(source: str) -> str:
    return "q" + hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:10]


def inert(text: str) -> str:
    """Return text in which no Jinja tag begins, whatever it says."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)
