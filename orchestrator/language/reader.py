"""Reading nodes into typed objects, collecting every problem on the way."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.language.marks import Mark, Problem, Severity
from orchestrator.language.nodes import Node, ScalarNode

V = TypeVar("V")
VARIABLE = re.compile(r"\$([a-z][a-z0-9_]*)\Z")
_SURE = 0.8
"""How alike two words are, from 0 to 1, if one is the other mistyped."""


@dataclass(frozen=True)
class Invalid:
    """The value of something that could not be read whole; its problem is already recorded."""

    part: Any = None
    """What could be read of it: the same, with None for each thing that could not."""


INVALID = Invalid()


def part_of(value: Any) -> Any:
    """Return a value that was read, or as much of it as could be."""
    return value.part if isinstance(value, Invalid) else value


class Pieces(tuple[Any, ...]):
    """Several things where one is expected: what is looked at, though nothing can be made of it."""

    __slots__ = ()


def whole(value: V, reads: Iterable[Any]) -> V | Invalid:
    """Return a value made of several, or INVALID with that value if one of them is invalid."""
    return Invalid(value) if any(isinstance(read, Invalid) for read in reads) else value


@dataclass
class Reader:
    """What reading one file knows: the variables in force, and the problems so far."""

    variables: Mapping[str, Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(
        self,
        mark: Mark,
        code: str,
        message: str,
        *,
        help: str | None = None,
        severity: Severity = "error",
    ) -> Invalid:
        """Record a problem; returns INVALID so that a reader can return the report."""
        self.problems.append(Problem(mark, code, message, help, severity))
        return INVALID

    def unavailable(self, mark: Mark, word: str) -> Invalid:
        """Refuse by name what the language knows and this version cannot do."""
        return self.report(
            mark,
            "CLM901",
            f'"{word}" is not available yet',
            help="it is part of the language; this version refuses it rather than ignore it",
        )

    def resolve(self, node: Node) -> Node | Invalid:
        """Return what a ``$name`` stands for, or the node itself if it is no variable."""
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            return node
        match = VARIABLE.match(node.value)
        if match is None:
            return node
        name = match[1]
        if name not in self.variables:
            return self.report(
                node.mark,
                "CLM203",
                f'unknown variable "${name}"',
                help=suggest(name, self.variables, lead="variables here are"),
            )
        return self.variables[name]


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return the word that was probably meant, alone, or nothing."""
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near or not word:
        return near
    folded = word.casefold().replace("-", "_")
    return [other for other in words if other.casefold().replace("-", "_") == folded][:1]


def surely_meant(word: str, known: Iterable[str]) -> str | None:
    """Return the word that a slip or two away was meant, None if that is only a guess."""
    near = next(iter(nearest(word, known)), None)
    if near is None or sorted(near) == sorted(word):
        return near
    alike = difflib.SequenceMatcher(None, word, near).ratio()
    return near if alike >= _SURE or near.casefold() == word.casefold() else None


def suggest(word: str, known: Iterable[str], *, lead: str, meant: Iterable[str] = ()) -> str:
    """Return the nearest right word and the list of the words that would be right.

    Args:
        meant: the words that it is known to mean, if no likeness of letters tells.
    """
    words = sorted(known) if isinstance(known, set | frozenset) else list(known)
    near = list(meant) or nearest(word, words)
    listed = ", ".join(words[:20]) + (" …" if len(words) > 20 else "")
    everything = f"{lead}: {listed}" if words else f"{lead}: none"
    asked = " or ".join(f'"{one}"' for one in near)
    return f"did you mean {asked}? {everything}" if near else everything
