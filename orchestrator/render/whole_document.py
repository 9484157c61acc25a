"""All templates of one message written out as one document, for reading only.

Every branch is there, loops are run through once, and what layouts, partials and macros bring
stands where they bring it. Values are ``HOLE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from jinja2 import nodes

from orchestrator.render.css import HOLE
from orchestrator.render.grammar import path_of
from orchestrator.render.tags import Spot, TagReader

MARK = "data-clm"
_MOST_BODIES = 20_000
"""Of statements written, each counted every time: those that print nothing have no length."""
_DEEPEST = 60
_LONGEST = 2_000_000
Parse = Callable[[str], nodes.Template]
"""Returns a layout or partial by its name, parsed."""


class TooInvolved(Exception):
    """The templates bring each other again and again: no document can be written out."""


class File:
    """One template: its tags, and its text with each tag marked."""

    def __init__(self, name: str, number: int, tree: nodes.Template) -> None:
        self.name = name
        self.tree = tree
        self.reader = TagReader(tree, is_style_sheet=name.endswith(".css.j2"))
        self.marked = dict(self._marked(number))

    def _marked(self, number: int) -> Iterator[tuple[int, str]]:
        """Yield (node, its text with marks); a tag's own ``style`` is called otherwise."""
        put: dict[int, list[tuple[int, int, str]]] = {}
        for place, tag in enumerate(self.reader.tags):
            if tag.is_certain:
                _put(put, tag.after_name, 0, f' {MARK}="{number}-{place}"')
            if tag.style_name is not None:
                _put(put, tag.style_name, len("style"), "stale")
        for node in self.tree.find_all(nodes.TemplateData):
            yield id(node), spliced(node.data, put.get(id(node), []))


def _put(put: dict[int, list[tuple[int, int, str]]], spot: Spot, length: int, text: str) -> None:
    put.setdefault(id(spot.node), []).append((spot.at, length, text))


def spliced(text: str, changes: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with changes: (where, how many characters go, what comes instead)."""
    for at, length, new in sorted(changes, reverse=True):
        text = text[:at] + new + text[at + length :]
    return text


class WholeDocument:
    """Writes the templates of one message out.

    Args:
        tree: the body's template, parsed.
    Raises:
        TooInvolved: they bring each other without end.
    """

    def __init__(self, name: str, tree: nodes.Template, parse: Parse) -> None:
        self._parse = parse
        self.files: dict[str, File] = {}
        self._marked: dict[int, str] = {}
        self._pieces: list[str] = []
        self._length = 0
        self._depth = 0
        self._bodies = 0
        self._macros: dict[str, nodes.Macro] = {}
        self._assigned: dict[str, nodes.AssignBlock] = {}
        self._blocks: dict[str, list[nodes.Block]] = {}
        self._above: list[list[nodes.Block]] = []
        """For each block being written, those that ``super()`` brings."""
        self._callers: list[nodes.CallBlock] = []
        self._template(self._file(name, tree))
        self.text = "".join(self._pieces)

    def _file(self, name: str, tree: nodes.Template | None = None) -> File:
        if name not in self.files:
            file = File(name, len(self.files), tree or self._parse(name))
            self.files[name] = file
            self._marked.update(file.marked)
        return self.files[name]

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        self._bodies += 1
        if self._depth > _DEEPEST or self._length > _LONGEST or self._bodies > _MOST_BODIES:
            raise TooInvolved
        yield
        self._depth -= 1

    def _template(self, file: File) -> None:
        """Write a template, or the layout that it extends with its blocks."""
        with self._deeper():
            self._macros.update((one.name, one) for one in file.tree.find_all(nodes.Macro))
            for block in file.tree.find_all(nodes.Block):
                self._blocks.setdefault(block.name, []).append(block)
            parent = next((one for one in file.tree.body if isinstance(one, nodes.Extends)), None)
            if parent is None:
                self._write(file.tree.body)
                return
            self._write(node for node in file.tree.body if isinstance(node, _SILENT))
            self._template(self._file(_source(parent)))

    def _write(self, body: Iterable[nodes.Node]) -> None:
        with self._deeper():
            for node in body:
                self._statement(node)

    def _statement(self, node: nodes.Node) -> None:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    self._part(part)
            case nodes.If():
                for branch in (node, *node.elif_):
                    self._write(branch.body)
                self._write(node.else_)
            case nodes.For():
                self._write(node.body)
                self._write(node.else_)
            case nodes.With() | nodes.FilterBlock():
                self._write(node.body)
            case nodes.Block():
                self._block(self._blocks.get(node.name, [node]))
            case nodes.AssignBlock(target=nodes.Name(name=name)):
                self._assigned[name] = node
            case nodes.CallBlock():
                self._callers.append(node)
                self._part(node.call)
                self._callers.pop()
            case nodes.Include():
                own, self._blocks = self._blocks, {}
                self._template(self._file(_source(node)))
                self._blocks = own
            case nodes.Import() | nodes.FromImport():
                self._import(node)

    def _part(self, part: nodes.Node) -> None:
        match part:
            case nodes.TemplateData():
                self._put(self._marked.get(id(part), part.data))
            case nodes.Name(name=name) if name in self._assigned:
                self._write(self._assigned[name].body)
            case nodes.Call(node=nodes.Name(name="super")) if self._above:
                self._block(self._above[-1])
            case nodes.Call(node=nodes.Name(name="caller")) if self._callers:
                caller = self._callers.pop()
                self._write(caller.body)
                self._callers.append(caller)
            case nodes.Call(node=called) if macro := self._macros.get(path_of(called) or ""):
                self._write(macro.body)
            case _:
                self._put(HOLE)

    def _block(self, found: list[nodes.Block]) -> None:
        """Write the nearest of a block's definitions."""
        if found:
            self._above.append(found[1:])
            self._write(found[0].body)
            self._above.pop()

    def _import(self, node: nodes.Import | nodes.FromImport) -> None:
        macros = {one.name: one for one in self._file(_source(node)).tree.find_all(nodes.Macro)}
        if isinstance(node, nodes.Import):
            self._macros.update((f"{node.target}.{name}", one) for name, one in macros.items())
            return
        for named in node.names:
            name, called = (named, named) if isinstance(named, str) else named
            if name in macros:
                self._macros[called] = macros[name]

    def _put(self, text: str) -> None:
        self._length += len(text)
        self._pieces.append(text)


_SILENT = (nodes.AssignBlock, nodes.Import, nodes.FromImport)
"""What a template does that extends another, beside its blocks."""


def _source(node: nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport) -> str:
    assert isinstance(node.template, nodes.Const)
    return str(node.template.value)
