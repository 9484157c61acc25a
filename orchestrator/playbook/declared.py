"""Every name that a project defines, sound or not, and where it does."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode


@dataclass
class Declared:
    """Names by kind, and the properties of each event."""

    places: dict[str, dict[str, Mark]] = field(default_factory=dict)
    properties: dict[str, dict[str, Mark]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    """Kinds of which some names are in files that could not be read."""
    problems: list[Problem] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, Mark]:
        """Return the names of a kind, each with its place."""
        return self.places.setdefault(kind, {})

    def add(self, kind: str, name: str, mark: Mark) -> bool:
        """Declare a name; returns False, and reports both places, if it is taken."""
        names = self.of(kind)
        first = names.setdefault(name, mark)
        if first is mark:
            return True
        message = f'the {kind} "{name}" is defined a second time, the first is at {first}'
        help = "rename one of them, or remove it; nothing is merged or overwritten"
        self.problems.append(Problem(mark, "CLM212", message, help))
        return False

    def lookalikes(self) -> Iterator[Problem]:
        """Yield names of one kind that differ only by case or by the form of a letter."""
        properties = ((f"property of {event},", of) for event, of in self.properties.items())
        for kind, names in [*self.places.items(), *properties]:
            first: dict[str, str] = {}
            for name, mark in names.items():
                folded = unicodedata.normalize("NFKC", name).casefold()
                other = first.setdefault(folded, name)
                if other != name:
                    message = f'the {kind} "{name}" differs from "{other}" only in its letters'
                    help = f'"{other}" is at {names[other]}; say one of them differently'
                    yield Problem(mark, "CLM213", message, help)


def declare(document: MapNode, declared: Declared) -> None:
    """Declare everything that a document defines, whether or not its body is sound."""
    for kind in ("event", "attribute", "topic", "sender", "webhook", "segment", "channel"):
        section = document.get(f"{kind}s")
        for key, value in section.items if isinstance(section, MapNode) else ():
            declared.add(kind, key.text, key.mark)
            if kind == "event" and isinstance(value, MapNode):
                of = declared.properties.setdefault(key.text, {})
                for prop, _ in value.items:
                    of.setdefault(prop.text, prop.mark)
    lists = document.get("lists")
    for item in lists.items if isinstance(lists, ListNode) else ():
        if isinstance(item, ScalarNode) and item.text:
            declared.add("list", item.text, item.mark)
    for name in _stage_names(document.get("stages")):
        declared.add("stage", name.text, name.mark)
    for kind in ("flow", "blueprint"):
        named = document.get(kind)
        if isinstance(named, ScalarNode) and named.text:
            declared.add(kind, named.text, named.mark)


def _stage_names(section: Node | None) -> Iterator[ScalarNode]:
    for item in section.items if isinstance(section, ListNode) else ():
        name = item.get("stage") if isinstance(item, MapNode) else None
        if isinstance(name, ScalarNode) and name.text:
            yield name
