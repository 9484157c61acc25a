"""Families of kinds: sentences told apart by their head word.

A condition, a step and a start are each one mapping with exactly one *head*
(``did: purchase``) and modifiers beside it. A kind is one class in one module of its
family's package; ``discover`` imports them all, so adding a kind is adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar, Generic, TypeVar

from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.language.reader import (
    INVALID,
    Invalid,
    Pieces,
    Reader,
    nearest,
    part_of,
    suggest,
    surely_meant,
)
from orchestrator.language.sentences import build, read_sentence, read_words
from orchestrator.language.shapes import JsonSchema, Shape
from orchestrator.language.words import (
    Sentence,
    any_required,
    sentence_schema,
    unavailable_schema,
    words_of,
)

H = TypeVar("H", bound="Headed")


@dataclass(frozen=True, kw_only=True)
class Headed(Sentence):
    """A sentence with a head: ``heads`` are the words that begin this kind."""

    heads: ClassVar[tuple[str, ...]] = ()
    operand_shape: ClassVar[Shape[Any]]
    operand_doc: ClassVar[str] = ""
    pattern_heads: ClassVar[dict[str, str]] = {}
    """head → one line for the reference, where heads of one kind differ."""
    example: ClassVar[str] = ""
    """YAML text: a list of sentences of this kind, for the reference."""

    head: str
    operand: Any


class Family(Generic[H]):
    """All kinds of one family, by head."""

    def __init__(self, noun: str, *, later: tuple[str, ...] = ()) -> None:
        self.noun = noun
        self.later = later
        """Heads of the language that this version refuses by name."""
        self.kinds: dict[str, type[H]] = {}

    def register(self, kind: type[H]) -> type[H]:
        """Add a kind under each of its heads; a head taken twice is a programming error."""
        for head in kind.heads:
            if head in self.kinds:
                raise ValueError(f"two kinds of {self.noun} begin with {head!r}")
            self.kinds[head] = kind
        return kind

    def discover(self, package: ModuleType) -> None:
        """Import every module of the package, so that its kinds register."""
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
        # whatever was imported first: schemas and pages must not depend on it
        self.kinds = dict(sorted(self.kinds.items(), key=lambda item: item[1].__module__))

    def read(self, node: Node, reader: Reader) -> H | Invalid:
        """Read one mapping of this family, told apart by its one head."""
        if not isinstance(node, MapNode) or not node.items:
            return self._refuse_value(node, reader)
        heads = [(key, value) for key, value in node.items if key.text in self.kinds]
        if len(heads) == 1:
            key, value = heads[0]
            return self._read_as(key.text, key, value, node, reader)
        self._refuse(node, [key for key, _ in heads], reader)
        if heads:
            return self._read_several(heads, node, reader)
        return self._read_mistyped(node, reader)

    def _read_as(
        self, head: str, key: ScalarNode, value: Node, node: MapNode, reader: Reader
    ) -> H | Invalid:
        kind = self.kinds[head]
        rest = MapNode(node.mark, tuple(item for item in node.items if item[0] is not key))
        operand = kind.operand_shape.read(value, reader)
        return read_sentence(
            kind,
            rest,
            reader,
            place=f'a {self.noun} with "{head}"',
            mark=key.mark,
            given={"head": head, "operand": operand},
        )

    def _read_several(
        self, heads: list[tuple[ScalarNode, Node]], node: MapNode, reader: Reader
    ) -> Invalid:
        """Read what several heads and the words beside them say, each by the first it fits."""
        kinds = [self.kinds[key.text] for key, _ in heads]
        words = {key: word for kind in reversed(kinds) for key, word in words_of(kind).items()}
        rest = tuple(item for item in node.items if item[0].text not in self.kinds)
        said = read_words(words, MapNode(node.mark, rest), reader, place=f"a {self.noun}")
        parts = []
        for (key, value), kind in zip(heads, kinds, strict=True):
            operand = kind.operand_shape.read(value, reader)
            values = {**said.values, "head": key.text, "operand": operand}
            parts.append(build(kind, replace(said, values=values), key.mark))
        return Invalid(Pieces(parts))

    def _read_mistyped(self, node: MapNode, reader: Reader) -> Invalid:
        stranger = self._meant_as_head(node)
        head = surely_meant(stranger.text, self.kinds) if stranger else None
        if stranger is None or head is None or self._later(node):
            return INVALID
        value = next(value for key, value in node.items if key is stranger)
        return Invalid(part_of(self._read_as(head, stranger, value, node, reader)))

    def _refuse_value(self, node: Node, reader: Reader) -> Invalid:
        glued = node.text.partition(":")[0] if isinstance(node, ScalarNode) else ""
        help = suggest("", self.kinds, lead=f"a {self.noun} begins with one of")
        if glued in self.kinds:
            help = f'a space is missing after "{glued}:"'
        message = f"{_written(node)} is not a {self.noun}"
        return reader.report(node.mark, "CLM106", message, help=help)

    def _refuse(self, node: MapNode, heads: list[ScalarNode], reader: Reader) -> Invalid:
        later = self._later(node)
        if later is not None:
            return reader.unavailable(later.mark, later.text)
        if len(heads) > 1:
            both = '" and "'.join(head.text for head in heads)
            return reader.report(
                heads[1].mark,
                "CLM109",
                f'a {self.noun} has exactly one of these words, here are "{both}"',
                help=f"make two {self.noun}s of it, each an item of the list",
            )
        stranger = self._meant_as_head(node)
        if stranger is None:
            help = suggest("", self.kinds, lead=f"a {self.noun} begins with one of")
            first = node.items[0][0]
            message = f'"{first.text[:60]}" stands here without what it belongs to'
            return reader.report(first.mark, "CLM107", message, help=help)
        return reader.report(
            stranger.mark,
            "CLM104",
            f'unknown word "{stranger.text[:60]}"',
            help=suggest(stranger.text, self.kinds, lead=f"a {self.noun} begins with one of"),
        )

    def _later(self, node: MapNode) -> ScalarNode | None:
        return next((key for key, _ in node.items if key.text in self.later), None)

    def _meant_as_head(self, node: MapNode) -> ScalarNode | None:
        """Return the word that is most likely a misspelled head; None if all are modifiers."""
        modifiers = {word for kind in self.kinds.values() for word in words_of(kind)}
        strangers = [key for key, _ in node.items if key.text not in modifiers]
        likely = [key for key in strangers if nearest(key.text, self.kinds)]
        return next(iter(likely or strangers), None)

    def schema(self) -> JsonSchema:
        """Return the schema: one of the heads, and beside it only that head's words.

        Heads are told apart by ``dependencies``, so that an editor names the wrong word
        instead of listing every kind that did not match.
        """
        words = {word for kind in self.kinds.values() for word in words_of(kind)}
        heads = [*self.kinds, *self.later]
        docs = {head: head_doc(kind) for head, kind in self.kinds.items()}
        return {
            "type": ["object"],  # as a list, editors do not offer every name of propertyNames
            "properties": {head: unavailable_schema(head) for head in self.later},
            "propertyNames": known_words([*words, *heads]),
            **one_head(heads, docs, f"a {self.noun} begins with one of"),
            "dependencies": {head: _kind_schema(kind, head) for head, kind in self.kinds.items()},
        }


def one_head(heads: Sequence[str], docs: Mapping[str, str], lead: str) -> JsonSchema:
    """Return the keywords that ask for a head, and offer the heads while there is none.

    Args:
        docs: head → its line of documentation; a head without one is not offered.
    """
    offered = {head: {"description": doc} for head, doc in docs.items()}
    return {
        "if": {"type": "object", "anyOf": [{"required": [head]} for head in heads]},
        "else": {"properties": offered, **any_required(heads, lead)},
    }


def known_words(words: Iterable[str]) -> JsonSchema:
    """Return the schema of the names a mapping may have; the long list is only offered."""
    return {"enum": sorted(set(words)), "errorMessage": "unknown word"}


def head_doc(kind: type[Headed]) -> str:
    """Return the first line of a kind's docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _kind_schema(kind: type[Headed], head: str) -> JsonSchema:
    schema = sentence_schema(kind)
    description = f"{head_doc(kind)} {kind.operand_doc}"
    operand = {**kind.operand_shape.schema(), "description": description}
    return {**schema, "properties": {head: operand, **schema["properties"]}}


def _written(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return f'"{node.text[:60]}"' if node.value is not None else "nothing"
    return "a list" if not isinstance(node, MapNode) else "an empty mapping"
