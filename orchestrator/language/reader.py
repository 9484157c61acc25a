"""Reading nodes into typed objects, collecting every problem on the way."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.language.marks import Mark, Problem, Severity
from orchestrator.language.nodes import Node, ScalarNode

VARIABLE = re.compile(r"\$([a-z][a-z0-9_]*)\Z")


class Invalid:
    """The value of something that could not be read; its problem is already recorded."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID = Invalid()


@dataclass
class Reader:
    """What reading one file knows: the variables in force, and the problems so far."""

    variables: Mapping[str, Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sound: list[object] = field(default_factory=list)
    """Every sentence that could be read, inner ones first."""
    fragments: list[object] = field(default_factory=list)
    """Sentences with something wrong in them; what could not be read is None."""

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


def suggest(word: str, known: Iterable[str], *, lead: str) -> str:
    """Return the nearest right word and the list of the words that would be right."""
    words = sorted(known) if isinstance(known, set | frozenset) else list(known)
    near = nearest(word, words)
    listed = ", ".join(words[:20]) + (" …" if len(words) > 20 else "")
    everything = f"{lead}: {listed}" if words else f"{lead}: none"
    return f'did you mean "{near[0]}"? {everything}' if near else everything
