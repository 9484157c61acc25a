"""Where in HTML a value is printed, found once when a template is compiled.

Escaping makes a value harmless between tags and inside quoted attributes. In the few
other places it does not: an address may begin with ``javascript:``, a style may load
``url(…)``, a script is code. ``guard_slots`` follows the fixed text of a template through
the HTML it writes, puts a filter in front of values in addresses and styles, and refuses
values where nothing would make them safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from jinja2 import nodes

from orchestrator.render.filters import CSS_FILTER, URL_FILTER
from orchestrator.render.findings import Finding
from orchestrator.render.grammar import filtered

URL_ATTRIBUTES = frozenset(
    {"href", "src", "action", "formaction", "background", "poster", "cite", "data", "longdesc",
     "xlink:href", "srcset", "ping", "codebase", "classid", "usemap", "manifest", "icon"}
)  # fmt: skip
_RAW = ("script", "style")
_TAG_OPEN = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)")
_NAME = re.compile(r"[^\s=>/\"'<]+")
_BAD_SCHEME = re.compile(
    r"\s*(javascript|vbscript|data(?!:image/(png|gif|jpe?g|webp)[;,]))\s*:", re.IGNORECASE
)


@dataclass(frozen=True)
class Place:
    """A place in HTML: between tags, in a tag, in an attribute's value, in a comment."""

    where: str = "text"
    """``text``, ``tag``, ``equals`` (after ``name=``), ``value``, ``comment`` or ``raw``."""
    element: str = ""
    """Name of the tag, or of the raw element."""
    attribute: str = ""
    quote: str = ""
    value: str | None = None
    """Fixed beginning of the attribute's value; None once a value was printed in it."""


TEXT = Place()


def follow(place: Place, text: str) -> Place:
    """Return the place after some fixed text."""
    at = 0
    while at < len(text):
        place, at = step(place, text, at)
    return place


def step(place: Place, text: str, at: int) -> tuple[Place, int]:
    """Return the next place in some fixed text, and where it begins."""
    return _STEPS[place.where](place, text, at)


def _in_text(place: Place, text: str, at: int) -> tuple[Place, int]:
    found = text.find("<", at)
    if found < 0:
        return place, len(text)
    if text.startswith("<!--", found):
        return Place("comment"), found + 4
    tag = _TAG_OPEN.match(text, found)
    if tag is None:
        # "<" and then nothing known: a value that follows would become a tag's name.
        loose = found + 1 == len(text) or text[found:] == "</"
        return (Place("tag"), len(text)) if loose else (place, found + 1)
    return Place("tag", element=("/" if tag[1] else "") + tag[2].lower()), tag.end()


def _in_comment(place: Place, text: str, at: int) -> tuple[Place, int]:
    end = text.find("-->", at)
    return (place, len(text)) if end < 0 else (TEXT, end + 3)


def _in_raw(place: Place, text: str, at: int) -> tuple[Place, int]:
    end = re.compile(rf"</{place.element}(?=[\s/>])", re.IGNORECASE).search(text, at)
    if end is None:
        return place, len(text)
    return Place("tag", element="/" + place.element), end.end()


def _in_tag(place: Place, text: str, at: int) -> tuple[Place, int]:
    if text[at] == ">":
        if place.element in _RAW:
            return Place("raw", element=place.element), at + 1
        return TEXT, at + 1
    if text[at] == "=":
        return replace(place, where="equals"), at + 1
    name = _NAME.match(text, at)
    if name:
        return replace(place, attribute=name[0].lower()), name.end()
    return place, at + 1


def _after_equals(place: Place, text: str, at: int) -> tuple[Place, int]:
    char = text[at]
    if char.isspace():
        return place, at + 1
    if char in "\"'":
        return replace(place, where="value", quote=char, value=""), at + 1
    if char == ">":
        return replace(place, where="tag"), at
    return replace(place, where="value", quote="", value=""), at


def _in_value(place: Place, text: str, at: int) -> tuple[Place, int]:
    if place.quote:
        end = text.find(place.quote, at)
    else:
        bare = re.compile(r"[\s>]").search(text, at)
        end = bare.start() if bare else -1
    stop = len(text) if end < 0 else end
    known = None if place.value is None else place.value + text[at:stop]
    if end < 0:
        return replace(place, value=known), stop
    after = end + 1 if place.quote else end
    return Place("tag", element=place.element), after


_STEPS = {
    "text": _in_text,
    "comment": _in_comment,
    "raw": _in_raw,
    "tag": _in_tag,
    "equals": _after_equals,
    "value": _in_value,
}


class SlotGuard:
    """Walks one HTML template and rewrites or refuses what it prints, place by place."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def walk(self, body: list[nodes.Node], place: Place) -> Place:
        """Guard a list of statements that begins at ``place``; returns where it ends."""
        for statement in body:
            place = self._statement(statement, place)
        return place

    def _statement(self, node: nodes.Node, place: Place) -> Place:
        match node:
            case nodes.Output():
                return self._output(node, place)
            case nodes.If():
                return self._branches(node, place)
            case nodes.For():
                return self._loop(node, place)
            case nodes.Block() | nodes.Include() | nodes.CallBlock() | nodes.FilterBlock():
                return self._apart(node, place)
            case nodes.Macro() | nodes.AssignBlock():
                self.walk(node.body, TEXT)
                return place
            case nodes.With():
                return self.walk(node.body, place)
            case _:
                return place

    def _output(self, node: nodes.Output, place: Place) -> Place:
        guarded: list[nodes.Expr] = []
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                self._fixed_schemes(part, place)
                place = follow(place, part.data)
                guarded.append(part)
            else:
                guarded.append(self._value(part, place))
                place = replace(place, value=None) if place.where == "value" else place
        node.nodes = guarded
        return place

    def _fixed_schemes(self, part: nodes.TemplateData, place: Place) -> None:
        for line, name, begin in _fixed_values(part, place):
            if name in URL_ATTRIBUTES and _BAD_SCHEME.match(begin):
                self._refuse(line, "a link to a script or to data is never sent")

    def _value(self, node: nodes.Expr, place: Place) -> nodes.Expr:
        if place.where in ("text", "comment"):
            return node
        if place.where == "raw":
            if place.element == "style":
                return filtered(node, CSS_FILTER)
            return self._refused(node, "a value cannot stand in a script")
        if place.where != "value" or not place.quote:
            return self._refused(
                node,
                "a value in a tag must stand in a quoted attribute",
                'for example: <td class="{{ … }}">',
            )
        if place.attribute.startswith("on"):
            return self._refused(node, f'a value cannot stand in "{place.attribute}": it is code')
        if place.attribute == "style":
            return filtered(node, CSS_FILTER)
        if place.attribute in URL_ATTRIBUTES and not (place.value or "").strip():
            return filtered(node, URL_FILTER) if place.value is not None else node
        return node

    def _branches(self, node: nodes.If, place: Place) -> Place:
        ends = [self.walk(node.body, place)]
        ends += [self.walk(branch.body, place) for branch in node.elif_]
        ends.append(self.walk(node.else_, place) if node.else_ else place)
        return self._joined(node, ends)

    def _loop(self, node: nodes.For, place: Place) -> Place:
        ends = [self.walk(node.body, place), place]
        if node.else_:
            self.walk(node.else_, place)
        return self._joined(node, ends)

    def _joined(self, node: nodes.Node, ends: list[Place]) -> Place:
        apart = {(end.where, end.quote, end.element if end.where == "raw" else "") for end in ends}
        if len(apart) > 1:
            self._refuse(node.lineno, "the ways through this part end in different places of HTML")
        # If one way through printed nothing yet, what follows may still be the beginning.
        blank = [end for end in ends if end.value is not None and not end.value.strip()]
        return blank[0] if blank else ends[0]

    def _apart(self, node: nodes.Node, place: Place) -> Place:
        if place.where == "raw" and not _is_style_sheet(node, place):
            self._refuse(node.lineno, "only a partial named *.css.j2 can be put into a style")
        elif place.where not in ("text", "comment", "raw"):
            self._refuse(
                node.lineno, "blocks, includes and calls stand between tags, not inside one"
            )
        body = getattr(node, "body", None)
        return self.walk(body, place) if body else place

    def _refused(self, node: nodes.Expr, message: str, help: str | None = None) -> nodes.Expr:
        self._refuse(node.lineno, message, help)
        return node

    def _refuse(self, line: int, message: str, help: str | None = None) -> None:
        self.findings.append(Finding(line, "CLM507", message, help))


def _fixed_values(part: nodes.TemplateData, place: Place) -> Iterator[tuple[int, str, str]]:
    """Yield (line, attribute, fixed text) of each attribute value that fixed text begins."""
    at, text = 0, part.data
    while at < len(text):
        before, start = place, at
        place, at = step(place, text, at)
        if before.where == "value" and before.value is not None:
            line = part.lineno + text.count("\n", 0, start)
            yield line, before.attribute, before.value + text[start:at]


def _is_style_sheet(node: nodes.Node, place: Place) -> bool:
    if place.element != "style" or not isinstance(node, nodes.Include):
        return False
    name = node.template.value if isinstance(node.template, nodes.Const) else ""
    return str(name).endswith(".css.j2")


def guard_slots(template: nodes.Template, name: str) -> list[Finding]:
    """Rewrite what an HTML template prints in addresses and styles; return what is refused."""
    guard = SlotGuard()
    style_sheet = name.endswith(".css.j2")
    guard.walk(template.body, Place("raw", element="style") if style_sheet else TEXT)
    return guard.findings
