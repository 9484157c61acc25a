"""Strict YAML: one text in, one node that remembers its place out, or what is wrong.

The event stream is composed here, so that limits hold before anything is built: depth,
nodes, one document, no anchors, no tags. Scalars mean what ``scalars`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from orchestrator.language.marks import Mark, Problem, Severity
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.playbook.scalars import misread, plain_value
from orchestrator.playbook.secrets import secret_in
from orchestrator.playbook.text import HIDDEN, suspicious
from orchestrator.playbook.yaml_errors import Diagnosis, diagnose, quote_line
from orchestrator.playbook.yaml_gaps import cut_prose, first_tab

DEEPEST = 40
MOST_NODES = 5_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROSE = frozenset(
    ("subject", "preheader", "title", "note", "metric", "owner", "postal_address", "exit")
)
_NAME_LIKE = re.compile(r"[\w$./:%-]*\Z")


def read_yaml(
    text: str, path: str, problems: list[Problem], *, line: int = 1, holds: str = "flow: welcome"
) -> Node | None:
    """Return the one document of a text; None if it cannot be trusted at all.

    Args:
        problems: everything wrong is added here; some of it leaves a usable node.
        line: the line of the file on which ``text`` begins.
        holds: what such a file could say, for whoever left it empty.
    """
    before = len(problems)
    problems += [_moved(problem, line - 1) for problem in suspicious(text, path)]
    if len(problems) > before:
        return None
    return _Composer(text, path, line - 1, problems, holds).document()


def _moved(problem: Problem, down: int) -> Problem:
    mark = problem.mark
    moved = Mark(mark.path, mark.line + down, mark.column, mark.length)
    return Problem(moved, problem.code, problem.message, problem.help, problem.severity)


class _Unreadable(Exception):
    """The rest of the text cannot be read; its problem is recorded."""


@dataclass
class _Composer:
    text: str
    path: str
    down: int
    problems: list[Problem]
    holds: str
    """What such a file could say."""
    lines: list[str] = field(init=False)
    nodes: int = 0
    scalars: list[tuple[int, int]] = field(default_factory=list)
    """[start, end) of every scalar, as character indexes."""
    prose: list[tuple[int, int]] = field(default_factory=list)
    """(end, line) of plain scalars in prose fields, where a ``#`` would cut the text."""

    def __post_init__(self) -> None:
        self.lines = self.text.split("\n")

    def document(self) -> Node | None:
        """Return the only document."""
        try:
            events = self.events()
            node = self.only_document(events)
        except _Unreadable:
            return None
        except yaml.MarkedYAMLError as error:
            self.tell(diagnose(error, self.lines))
            return None
        except yaml.YAMLError as error:
            self.report(self.mark_at(0, 0), "CLM110", f"the text cannot be read: {error}")
            return None
        for found in (*first_tab(self.text, self.scalars), *cut_prose(self.text, self.prose)):
            self.tell(found)
        return node

    def events(self) -> Iterator[Any]:
        yield from yaml.parse(self.text, Loader=_LOADER)

    def only_document(self, events: Iterator[Any]) -> Node | None:
        found: Node | None = None
        begun = False
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if begun:
                    self.stop(self.mark(event), "CLM116", *_SEVERAL)
                begun = True
                if event.version or event.tags:
                    self.stop(self.mark(event), "CLM102", "a line cannot begin with %", None)
            elif isinstance(event, yaml.NodeEvent):
                found = self.node(event, events, 1)
        if found is None or (isinstance(found, ScalarNode) and found.value is None):
            self.stop(
                Mark(self.path, self.down + 1, 1), "CLM116", _EMPTY, _TO_SAY.format(self.holds)
            )
        return found

    def node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        """Compose the node that begins with ``event``."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            self.stop(self.mark(event), "CLM111", *_TOO_MANY)
        if isinstance(event, yaml.AliasEvent):
            self.stop(self.mark(event), "CLM102", *self.alias(event))
        if event.anchor:
            self.stop(self.mark(event), "CLM102", *_anchor("&", event.anchor))
        if event.tag:
            tag = event.tag.removeprefix("tag:yaml.org,2002:")
            self.stop(
                self.mark(event),
                "CLM102",
                f'tags such as "!{tag.lstrip("!")}" are not allowed',
                _TAG_HELP,
            )
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if depth > DEEPEST:
            self.stop(self.mark(event), "CLM111", *_TOO_DEEP)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, events, depth)
        return self.mapping(event, events, depth)

    def alias(self, event: Any) -> tuple[str, str]:
        written = self.lines[event.start_mark.line][event.start_mark.column :]
        if " " in written.strip() or "*" in written[1:]:
            return quote_line(self.lines, event.start_mark.line, "*")
        return _anchor("*", event.anchor)

    def scalar(self, event: Any) -> ScalarNode:
        start, end = event.start_mark, event.end_mark
        self.scalars.append((start.index, end.index))
        mark = self.mark(event)
        text: str = event.value
        if _NAME_LIKE.match(HIDDEN.sub("", text)) and (hidden := HIDDEN.search(text)):
            name = f"U+{ord(hidden[0]):04X}"
            self.report(
                mark, "CLM112", f"the invisible character {name} is in this name", help=_HIDDEN_HELP
            )
        if found := secret_in(text):
            self.report(mark, "CLM115", f"this looks like {found}", help=_SECRET_HELP)
        if event.style:
            return ScalarNode(mark, text, text)
        if wrong := misread(text):
            self.report(mark, "CLM103", wrong[0], help=wrong[1])
            return ScalarNode(mark, text, text)
        return ScalarNode(mark, text, plain_value(text))

    def sequence(self, start: Any, events: Iterator[Any], depth: int) -> ListNode:
        items = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.node(event, events, depth + 1))
        return ListNode(self.mark(start), tuple(items))

    def mapping(self, start: Any, events: Iterator[Any], depth: int) -> Node:
        items: list[tuple[ScalarNode, Node]] = []
        first_lines: dict[str, int] = {}
        braces = self.text.startswith("{{", start.start_mark.index)
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.node(event, events, depth + 1)
            value_event = next(events)
            value = self.node(value_event, events, depth + 1)
            if not isinstance(key, ScalarNode):
                if not braces:
                    self.report(key.mark, "CLM103", "a word before a colon must be plain text")
                continue
            if isinstance(value_event, yaml.ScalarEvent) and isinstance(value, ScalarNode):
                value = self.value(key, value, value_event)
            if self.sound_key(key, event, first_lines):
                items.append((key, value))
        mark = self.mark(start)
        if braces:
            self.report(mark, "CLM103", *quote_line(self.lines, start.start_mark.line, "{{"))
            return ScalarNode(mark, "{{", "{{")
        return MapNode(mark, tuple(items))

    def value(self, key: ScalarNode, value: ScalarNode, event: Any) -> ScalarNode:
        """Look at a scalar together with its word."""
        end = event.end_mark
        if not event.style and value.text and key.text in _PROSE:
            self.prose.append((end.index, end.line))
        if secret_in(value.text, key.text) and not secret_in(value.text):
            self.report(
                value.mark, "CLM115", f'a secret stands under "{key.text}"', help=_SECRET_HELP
            )
        if not event.style and not value.text:
            mark = Mark(self.path, key.mark.line, key.mark.column, key.mark.length + 1)
            return ScalarNode(mark, "", None)
        return value

    def sound_key(self, key: ScalarNode, event: Any, first_lines: dict[str, int]) -> bool:
        if key.text == "<<" and not event.style:
            self.stop(key.mark, "CLM102", "merge keys (<<) are not allowed", _REUSE)
        if not isinstance(key.value, str):
            written = f'"{key.text}"' if key.text else "an empty word"
            self.report(
                key.mark,
                "CLM103",
                f"{written} before a colon is no text",
                help=f'put it in quotes: "{key.text}"' if key.text else "a word is missing",
            )
            return False
        if key.text in first_lines:
            first = first_lines[key.text]
            self.report(
                key.mark,
                "CLM101",
                f'"{key.text[:60]}" stands here a second time, the first is on line {first}',
                help="keep one of them; a word can be said only once",
            )
            return False
        first_lines[key.text] = key.mark.line
        return True

    # --- reporting --------------------------------------------------------------------

    def mark(self, event: Any) -> Mark:
        start, end = event.start_mark, event.end_mark
        same = start.line == end.line
        last = end.column if same else len(self.lines[start.line])
        return self.mark_at(start.line, start.column, last - start.column)

    def mark_at(self, line: int, column: int, length: int = 1) -> Mark:
        return Mark(self.path, line + 1 + self.down, column + 1, max(length, 1))

    def report(
        self,
        mark: Mark,
        code: str,
        message: str,
        help: str | None = None,
        severity: Severity = "error",
    ) -> None:
        self.problems.append(Problem(mark, code, message, help, severity))

    def stop(self, mark: Mark, code: str, message: str, help: str | None) -> None:
        self.report(mark, code, message, help)
        raise _Unreadable

    def tell(self, found: Diagnosis) -> None:
        mark = self.mark_at(found.line, found.column, found.length)
        told = any(
            problem.mark.line == mark.line and problem.mark.column == mark.column
            for problem in self.problems
        )
        if not told:
            self.report(mark, found.code, found.message, found.help, found.severity)


def _anchor(sign: str, name: str) -> tuple[str, str]:
    return f'anchors and aliases ("{sign}{name[:40]}") are not allowed', _REUSE


_REUSE = "to use something twice, name it: a segment, a variable under vars:, a computed attribute"
_TAG_HELP = "write the value plainly; text that begins with ! must be in quotes"
_TOO_MANY = (f"more than {MOST_NODES} values in one file", "split the file")
_TOO_DEEP = (f"nested more than {DEEPEST} levels deep", "name inner conditions as segments")
_SEVERAL = (
    "a second document begins here",
    "one file holds one document; put what follows --- in a file of its own",
)
_EMPTY = "there is nothing in this file"
_TO_SAY = "say what it holds, for example: {}; or remove it"
_HIDDEN_HELP = "type the name anew; the character cannot be seen"
_SECRET_HELP = (
    "secrets do not belong in files that are shared; write its place: env:NAME or file:path"  # noqa: S105  # talks of them
)
