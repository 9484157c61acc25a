"""The start tags of one HTML template, and where a style can be written into each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jinja2 import nodes

from orchestrator.render.slots import TEXT, Place, step

_DECIDING = ("class", "id")
"""Attributes that selectors ask for."""


@dataclass(slots=True)
class Spot:
    """A place in the fixed text of a template."""

    node: nodes.TemplateData
    at: int


@dataclass(slots=True)
class Tag:
    """One start tag as it is written, however often it is printed."""

    after_name: Spot
    style_name: Spot | None = None
    """Where the word ``style`` begins, if it has that attribute."""
    style_value: Spot | None = None
    """Where the value of it begins."""
    is_certain: bool = True
    """Whether its class and id are the same in every message."""


class TagReader:
    """Reads the tags of one parsed template, in order.

    Follows the same ways as ``slots.SlotGuard``, which has refused what would end differently.
    """

    def __init__(self, tree: nodes.Template, *, is_style_sheet: bool) -> None:
        self.tags: list[Tag] = []
        self.has_decided_css = False
        """Whether a style sheet has parts that only some messages have."""
        self._walk(tree.body, Place("raw", element="style") if is_style_sheet else TEXT)

    def _walk(self, body: Iterable[nodes.Node], place: Place) -> Place:
        for node in body:
            place = self._statement(node, place)
        return place

    def _statement(self, node: nodes.Node, place: Place) -> Place:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    if isinstance(part, nodes.TemplateData):
                        place = self._text(part, place)
                    else:
                        self._value(place)
                return place
            case nodes.If():
                self._decided(place)
                ends = [self._walk(body, place) for body in _branches(node)]
                return ends[0]
            case nodes.For():
                self._decided(place)
                end = self._walk(node.body, place)
                self._walk(node.else_, place)
                return end
            case nodes.Macro() | nodes.AssignBlock():
                self._walk(node.body, TEXT)
                return place
            case nodes.With() | nodes.Block() | nodes.CallBlock() | nodes.FilterBlock():
                return self._walk(node.body, place)
            case _:
                return place

    def _text(self, node: nodes.TemplateData, place: Place) -> Place:
        at = 0
        while at < len(node.data):
            before, begin = place, at
            place, at = step(place, node.data, at)
            is_tag = place.where == "tag" and place.element[:1] not in ("", "/")
            if is_tag and before.where == "text":
                self.tags.append(Tag(Spot(node, at)))
            elif is_tag and place.attribute == "style" and before.where == "tag":
                if node.data[begin:at].lower() == "style":
                    self._tag.style_name = Spot(node, begin)
            elif place.where == "value" and before.where == "equals" and place.attribute == "style":
                self._tag.style_value = Spot(node, at)
                self._tag.is_certain &= bool(place.quote)
        return place

    @property
    def _tag(self) -> Tag:
        return self.tags[-1]

    def _value(self, place: Place) -> None:
        if place.where in ("value", "equals") and place.attribute in _DECIDING:
            self._tag.is_certain = False

    def _decided(self, place: Place) -> None:
        """Note that what follows is only in some messages."""
        if place.where == "raw":
            self.has_decided_css = True
        elif place.where not in ("text", "comment") and self.tags:
            self._tag.is_certain = False


def _branches(node: nodes.If) -> list[list[nodes.Node]]:
    return [node.body, *(branch.body for branch in node.elif_), node.else_]
