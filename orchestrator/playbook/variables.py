"""Variables in force in one file: project, then file or flow, then the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.errors import UsageError
from orchestrator.language.marks import Mark
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import INVALID, VARIABLE, Invalid, Reader, suggest
from orchestrator.playbook.scalars import misread, plain_value

_NEARLY = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_-]*\}?\Z")
MOST_COPIES = 20_000
"""Values that variables may add to one file; a variable of many values used many times
would otherwise cost their product."""


@dataclass
class PlaybookReader(Reader):
    """A reader that knows which variables were used, and how much they added."""

    used: set[str] = field(default_factory=set)
    copied: int = 0
    complete: bool = True
    """False if the project's variables could not be read: unknown ones are no news then."""
    unspoken: frozenset[str] = frozenset()
    """Inputs of a blueprint without a value: that is told elsewhere, or no news."""

    def resolve(self, node: Node) -> Node | Invalid:
        """Return what a ``$name`` stands for, or the node itself if it is no variable."""
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            return node
        if not node.value.startswith("$"):
            return node
        found = VARIABLE.match(node.value)
        if found is None:
            return self._no_variable(node)
        self.used.add(found[1])
        if found[1] not in self.variables and (not self.complete or found[1] in self.unspoken):
            return INVALID
        resolved = super().resolve(node)
        if not isinstance(resolved, Invalid | ScalarNode):
            self.copied += sum(1 for _ in _scalars(resolved))
            if self.copied > MOST_COPIES:
                return self.report(node.mark, "CLM111", "variables make this file too large")
        return resolved

    def _no_variable(self, node: ScalarNode) -> Node | Invalid:
        if not _NEARLY.match(node.text):
            return node
        name = node.text.strip("${}").lower().replace("-", "_")
        help = suggest(name, self.variables, lead="variables here are")
        return self.report(node.mark, "CLM203", f'"{node.text[:60]}" is no variable', help=help)


def given_variables(given: Mapping[str, str]) -> dict[str, ScalarNode]:
    """Return the variables of the command line as nodes.

    Raises:
        UsageError: a name cannot be a variable's, or a value means different things to
            different readers.
    """
    nodes: dict[str, ScalarNode] = {}
    for name, text in given.items():
        if not VARIABLE.match(f"${name}"):
            raise UsageError(f'--var {name}: a name is written like "cool_off"')
        if wrong := misread(text):
            raise UsageError(f"--var {name}: {wrong[0]}")
        nodes[name] = ScalarNode(Mark(f"--var {name}", 1, 1, len(text)), text, plain_value(text))
    return nodes


def own_variables(document: MapNode, reader: Reader) -> dict[str, Node]:
    """Return the variables that a document's ``vars`` names; a variable is a plain value."""
    written = document.get("vars")
    if not isinstance(written, MapNode):
        return {}
    found: dict[str, Node] = {}
    for key, value in written.items:
        if not VARIABLE.match(f"${key.text}"):
            reader.report(
                key.mark,
                "CLM203",
                f'"{key.text[:60]}" cannot be the name of a variable',
                help="write it in small letters, digits and _, for example: cool_off",
            )
        for scalar in _scalars(value):
            if isinstance(scalar.value, str) and VARIABLE.match(scalar.value):
                reader.report(
                    scalar.mark,
                    "CLM203",
                    "a variable cannot be made of another variable",
                    help="write the value out",
                )
                break
        else:
            found[key.text] = value
    return found


def _scalars(node: Node) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _scalars(item)
    else:
        for _, value in node.items:
            yield from _scalars(value)
