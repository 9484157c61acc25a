"""``include``: files outside ``playbooks/`` whose named items count as if they stood there.

A path is relative to the file that names it and never leaves the project's folder, by no
spelling and by no link. What is included is whole files of named items: segments, parts of
the catalog, channels, blueprints, or variables for the file that includes them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.nodes import ListNode, MapNode, ScalarNode
from orchestrator.playbook.files import (
    FROM_HERE,
    PLAYBOOKS,
    TEMPLATES,
    YAML,
    ProjectFiles,
    include_file,
)

MOST_INCLUDED = 200
MAY_HOLD = ("segments", "catalog", "channels", "blueprint", "shared")
"""Kinds of files that can be included."""
_ELSEWHERE = re.compile(r"[/~\\]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass
class Including:
    """Which files the files of a project include, while they are being followed."""

    files: ProjectFiles
    problems: list[Problem]
    read: Callable[[str], MapNode | None]
    """Returns the words of an included file, None if they cannot be read."""
    found: dict[str, MapNode] = field(default_factory=dict)
    """Path → the words of each file included so far."""
    named: dict[str, list[str]] = field(default_factory=dict)
    """Path → the files that each file includes."""
    is_incomplete: bool = False
    """Whether something could not be included."""

    def follow(self, node: MapNode, path: str, chain: tuple[str, ...] = ()) -> None:
        """Note which files a file includes, reading those that are new.

        Args:
            chain: the included files through which this one was reached.
        """
        here = (*chain, path)
        named: dict[str, Mark] = {}
        for written, target in self._targets(node, path):
            if target in here:
                circle = " → ".join([*here[here.index(target) :], target])
                self._refuse(written.mark, f"these files include each other: {circle}", None)
            elif target in named:
                message = f'"{target}" is included twice, the first is on line {{}}'
                self._refuse(written.mark, message.format(named[target].line), "keep one of them")
            elif self._is_there(written, target, here):
                named[target] = written.mark
            else:
                self.is_incomplete = True
        self.named[path] = list(named)

    def _targets(self, node: MapNode, path: str) -> Iterator[tuple[ScalarNode, str]]:
        """Yield what a file includes, as paths below the project."""
        listed = node.get("include")
        for item in listed.items if isinstance(listed, ListNode) else ():
            if not isinstance(item, ScalarNode) or not isinstance(item.value, str):
                continue  # its shape is told where the words are read
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), item.value))
            wrong = (
                _wrong_form(item.value)
                or self._astray(item.value, path, target)
                or _wrong_place(target)
            )
            if wrong is None:
                yield item, target
            else:
                self._refuse(item.mark, *wrong)
                self.is_incomplete = True

    def _astray(self, written: str, path: str, target: str) -> tuple[str, str] | None:
        """Return (message, help) if a path was perhaps meant from the project's folder."""
        is_known = target in self.files.playbooks or target in self.files.unreadable
        if is_known or not target.startswith(f"{PLAYBOOKS}/") or _wrong_place(written):
            return None
        meant = posixpath.relpath(posixpath.normpath(written), posixpath.dirname(path))
        help = f'a path is relative to this file: did you mean "{meant}"?'
        return f"there is no file {target}", help

    def _is_there(self, written: ScalarNode, target: str, chain: tuple[str, ...]) -> bool:
        if target in self.found:
            return True
        if len(self.found) >= MOST_INCLUDED:
            message = f"more than {MOST_INCLUDED} files are included"
            self._refuse(written.mark, message, "put several of them into one")
            return False
        wrong = include_file(self.files, target, written.mark)
        if wrong is not None:
            self.problems.append(wrong)
            return False
        node = self.read(target)
        if node is not None:
            self.found[target] = node
            self.follow(node, target, chain)
        return node is not None

    def _refuse(self, mark: Mark, message: str, help: str | None) -> None:
        self.problems.append(Problem(mark, "CLM245", message, help))


def _wrong_form(written: str) -> tuple[str, str] | None:
    """Return (message, help) if a text is no path that means the same everywhere."""
    shown = "".join(one if one.isprintable() else "?" for one in written[:60])
    if not written or not written.isprintable():
        return f'"{shown}" is no path', FROM_HERE
    if _ELSEWHERE.match(written) or "\\" in written or written.startswith("$"):
        return f'"{shown}" is no relative path with / between folders', FROM_HERE
    if not written.endswith(YAML):
        return f'"{shown}" is no YAML file', "its name ends in .yaml"
    return None


def _wrong_place(target: str) -> tuple[str, str] | None:
    parts = target.split("/")
    if parts[0] == "..":
        return "this leads out of the project", "copy the file into the project's folder"
    if any(part.startswith(".") for part in parts):
        return "hidden files are nobody's business", "rename it, without the dot"
    if parts[0] == PLAYBOOKS:
        return f"every file under {PLAYBOOKS}/ is read already", "remove it from the list"
    if parts[0] == TEMPLATES:
        return f"{TEMPLATES}/ holds messages, nothing to include", "put it into a folder beside it"
    return None
