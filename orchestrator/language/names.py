"""Shapes of names: those that a playbook introduces, and those that refer to something."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from orchestrator.language.marks import Mark
from orchestrator.language.nodes import ScalarNode
from orchestrator.language.shapes import JsonSchema, ScalarShape


class Name(str):
    """A name written in a playbook, with its place and the family it must belong to."""

    __slots__ = ("kind", "mark")
    kind: str
    mark: Mark

    def __new__(cls, text: str, kind: str, mark: Mark) -> Self:
        name = super().__new__(cls, text)
        name.kind = kind
        name.mark = mark
        return name

    def __getnewargs__(self) -> tuple[str, str, Mark]:  # type: ignore[override]  # str gives its text
        """Return what a copy in another process is made of."""
        return str(self), self.kind, self.mark


IDENTIFIER = r"[A-Za-z][A-Za-z0-9_-]*"

_PRINTABLE = (
    r"^[^\u0000-\u001f\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u3000\ue000-\uf8ff\ufeff]+$"
)
"""What ``str.isprintable`` asks, as far as a pattern can say it."""


class NewName(ScalarShape[Name]):
    """A name that this place introduces: letters, digits, ``_`` and ``-``."""

    says = "a name of letters, digits, _ and -, beginning with a letter"
    hint = "for example: first_purchase"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def parse(self, node: ScalarNode) -> Name | None:
        if isinstance(node.value, str) and re.fullmatch(IDENTIFIER, node.value):
            return Name(node.value, f"new {self.kind}", node.mark)
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{IDENTIFIER}$"}


class DataName(ScalarShape[Name]):
    """A name from the shop's own data: an event, property or attribute."""

    says = "a name"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def parse(self, node: ScalarNode) -> Name | None:
        if isinstance(node.value, str) and node.value and node.value.isprintable():
            return Name(node.value, f"new {self.kind}", node.mark)
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": _PRINTABLE}


class Ref(ScalarShape[Name]):
    """The name of something defined elsewhere: ``kind`` is event, segment, message and so on."""

    def __init__(self, kind: str, *, says: str | None = None, also: Sequence[str] = ()) -> None:
        """Take the name of a kind, or one of the words of the language in ``also``."""
        self.kind = kind
        self.also = list(also)
        self.says = says or f"the name of {_article(kind)}"

    def parse(self, node: ScalarNode) -> Name | None:
        if isinstance(node.value, str) and node.value:
            return Name(node.value, self.kind, node.mark)
        return None

    def plain_schema(self) -> JsonSchema:
        also = {"x-also": self.also} if self.also else {}
        return {"type": "string", "minLength": 1, "x-names": self.kind, **also}


class FilePath(ScalarShape[Name]):
    """The path of a file, as somebody writes it; whether it is there is asked where it counts."""

    says = "the path of a file"
    hint = "for example: terms.pdf"

    def parse(self, node: ScalarNode) -> Name | None:
        if isinstance(node.value, str) and node.value and node.value.isprintable():
            return Name(node.value, "new file", node.mark)
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": _PRINTABLE}


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
