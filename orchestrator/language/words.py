"""Words: a playbook mapping is a dataclass whose fields are its words.

The dataclass is the one table: from it come the reader (here), the JSON Schema and the
reference documentation. A field made with ``word`` is a word of the language; its name
without a trailing underscore is what a marketer writes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from orchestrator.language.marks import Mark
from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.language.reader import INVALID, Invalid, Reader, nearest, suggest
from orchestrator.language.shapes import JsonSchema, Shape, or_variable

S = TypeVar("S", bound="Sentence")


@dataclass(frozen=True)
class Word:
    """One word of a mapping."""

    key: str
    field_name: str
    shape: Shape[Any]
    doc: str
    required: bool
    available: bool


@dataclass(frozen=True)
class Rules:
    """What the words of one mapping ask of each other; read by checker and schema alike."""

    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """word → words that must stand beside it."""
    any_of: tuple[tuple[str, ...], ...] = ()
    """groups of which at least one word must be there."""
    not_together: tuple[tuple[str, str], ...] = ()
    """pairs that exclude each other."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """Base of everything written as a mapping. ``mark`` is where it begins."""

    rules: ClassVar[Rules] = Rules()
    check_schema: ClassVar[JsonSchema] = {}
    """What ``check`` asks about which words stand together, as far as draft-07 can say it."""

    mark: Mark = field(compare=False, repr=False)
    marks: Mapping[str, Mark] = field(compare=False, repr=False)
    """word → where its value stands."""

    def check(self, reader: Reader) -> None:
        """Report what is wrong between this sentence's values, beyond ``rules``."""

    def mark_at(self, key: str) -> Mark:
        """Return where a word's value stands, or the sentence itself."""
        return self.marks.get(key, self.mark)


def word(
    shape: Shape[Any],
    doc: str,
    *,
    default: Any = dataclasses.MISSING,
    key: str | None = None,
    available: bool = True,
) -> Any:
    """Declare a dataclass field as a word; without ``default`` the word is required.

    Args:
        available: False for a word of the language that this version refuses by name.
    """
    metadata = {"word": (shape, doc, key, default is dataclasses.MISSING, available)}
    return field(default=default, metadata=metadata)


def later(shape: Shape[Any], doc: str) -> Any:
    """Declare a word that is part of the language and not available yet."""
    return word(shape, doc, default=None, available=False)


_words: dict[type[Sentence], dict[str, Word]] = {}


def words_of(cls: type[Sentence]) -> dict[str, Word]:
    """Return the words of a sentence by what is written, in declared order."""
    if cls not in _words:
        _words[cls] = _declared_words(cls)
    return _words[cls]


def _declared_words(cls: type[Sentence]) -> dict[str, Word]:
    words = {}
    for item in dataclasses.fields(cls):
        if "word" in item.metadata:
            shape, doc, key, required, available = item.metadata["word"]
            written = key or item.name.rstrip("_")
            words[written] = Word(written, item.name, shape, doc, required, available)
    return words


class SentenceOf(Shape[S]):
    """A mapping with the words of one sentence class."""

    def __init__(self, cls: type[S], says: str) -> None:
        self.cls = cls
        self.says = says

    def read_resolved(self, node: Node, reader: Reader) -> S | Invalid:
        if not isinstance(node, MapNode):
            return self.refuse(node, reader)
        return read_sentence(self.cls, node, reader, place=self.says)

    def schema(self) -> JsonSchema:
        return or_variable(sentence_schema(self.cls), self.says)


def read_sentence(
    cls: type[S],
    node: MapNode,
    reader: Reader,
    *,
    place: str,
    mark: Mark | None = None,
    given: Mapping[str, Any] | None = None,
) -> S | Invalid:
    """Read a mapping as a sentence of that class; unknown words are errors.

    Args:
        place: what the mapping is, for messages: ``a send step``.
        mark: where to say the sentence begins, if not at the mapping.
        given: fields that are no words, read by the caller.
    """
    known = words_of(cls)
    values: dict[str, Any] = {}
    marks: dict[str, Mark] = {}
    meant: dict[str, Mark] = {}
    sound = True
    for key, value in node.items:
        found = known.get(key.text)
        if found is None:
            _refuse_word(key, place, known, reader)
            meant.update((word, key.mark) for word in nearest(key.text, known))
            sound = False
            continue
        marks[found.key] = value.mark
        if not found.available:
            reader.unavailable(key.mark, key.text)
            sound = False
            continue
        read = found.shape.read(value, reader)
        if isinstance(read, Invalid):
            sound = False
        values[found.field_name] = read
    begins = mark or (node.items[0][0].mark if node.items else node.mark)
    sound = _check_rules(cls, {**meant, **marks}, begins, place, reader) and sound
    values.update(given or {})
    if not sound or INVALID in values.values():
        reader.fragments.append(_fragment(cls, values, marks, begins))
        return INVALID
    sentence = cls(mark=begins, marks=marks, **values)
    before = len(reader.problems)
    sentence.check(reader)
    if any(problem.severity == "error" for problem in reader.problems[before:]):
        reader.fragments.append(sentence)
        return INVALID
    reader.sound.append(sentence)
    return sentence


def _fragment(
    cls: type[S], values: Mapping[str, Any], marks: Mapping[str, Mark], begins: Mark
) -> S:
    """Return a broken sentence with None for all that could not be read."""
    names = [item.name for item in dataclasses.fields(cls) if item.name not in ("mark", "marks")]
    known = {name: values.get(name) for name in names}
    readable = {name: None if value is INVALID else value for name, value in known.items()}
    return cls(mark=begins, marks=marks, **readable)


def _refuse_word(key: ScalarNode, place: str, known: Mapping[str, Word], reader: Reader) -> None:
    usable = [word.key for word in known.values() if word.available]
    head = place.partition(' with "')[2]
    lead = f'with "{head}' if head else f"in {place}"
    reader.report(
        key.mark,
        "CLM104",
        f'unknown word "{key.text[:60]}"',
        help=suggest(key.text, usable, lead=f"{lead} you can use"),
    )


def _check_rules(
    cls: type[Sentence],
    present: Mapping[str, Mark],
    begins: Mark,
    place: str,
    reader: Reader,
) -> bool:
    missing = [key for key, word in words_of(cls).items() if word.required and key not in present]
    for key in missing:
        reader.report(begins, "CLM107", f'{place} needs "{key}"')
    for problem in _broken_rules(cls.rules, present):
        reader.report(begins, "CLM108", f"{place}: {problem}")
        missing.append("")
    return not missing


def _broken_rules(rules: Rules, present: Mapping[str, Mark]) -> Iterator[str]:
    for key, needed in rules.needs.items():
        for other in needed:
            if key in present and other not in present:
                yield f'"{key}" needs "{other}" beside it'
    for group in rules.any_of:
        if not any(key in present for key in group):
            yield ("say at least one of " if len(group) > 1 else "say its ") + ", ".join(group)
    for one, other in rules.not_together:
        if one in present and other in present:
            yield f'"{one}" and "{other}" exclude each other'


def sentence_schema(cls: type[Sentence]) -> JsonSchema:
    """Return the draft-07 schema of a sentence: its words closed, each with its doc line."""
    words = words_of(cls)
    schema: JsonSchema = {
        "type": "object",
        "properties": {
            key: {**word.shape.schema(), "description": word.doc}
            if word.available
            else unavailable_schema(key)
            for key, word in words.items()
        },
        "additionalProperties": False,
    }
    required = [key for key, word in words.items() if word.required]
    if required:
        schema["required"] = required
    return {**schema, **_rules_schema(cls)}


def unavailable_schema(word: str) -> JsonSchema:
    """Return a schema that no value fits, whose message names the word."""
    says = f'"{word}" is not available yet'
    return {"type": "string", "pattern": "(?!)", "errorMessage": says, "doNotSuggest": True}


def _rules_schema(cls: type[Sentence]) -> JsonSchema:
    rules = cls.rules
    beside: dict[str, JsonSchema] = {}
    for key, needed in rules.needs.items():
        beside.setdefault(key, {})["required"] = list(needed)
    for one, other in rules.not_together:
        beside.setdefault(one, {}).setdefault("properties", {})[other] = False
    demands = [any_required(group) for group in rules.any_of]
    if cls.check_schema:
        demands.append(cls.check_schema)
    schema: JsonSchema = {"dependencies": beside} if beside else {}
    return {**schema, "allOf": demands} if demands else schema


def any_required(words: Sequence[str], lead: str = "say at least one of") -> JsonSchema:
    """Return a schema that asks for one of the words at least, in one message."""
    message = f"{lead}: {', '.join(words)}"
    return {"anyOf": [{"required": [word], "errorMessage": message} for word in words]}
