"""Words: a playbook mapping is a dataclass whose fields are its words.

The dataclass is the one table: from it come the reader (``sentences``), the JSON Schema and
the reference documentation. A field made with ``word`` is a word of the language; its name
without a trailing underscore is what a marketer writes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from orchestrator.language.marks import Mark
from orchestrator.language.reader import Reader
from orchestrator.language.shapes import JsonSchema, Shape

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
    called: tuple[str, ...] = ()
    """What else people call it, in small letters: refused, and answered with this word."""


@dataclass(frozen=True)
class Rules:
    """What the words of one mapping ask of each other; read by checker and schema alike."""

    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """word → words that must stand beside it."""
    any_of: tuple[tuple[str, ...], ...] = ()
    """groups of which at least one word must be there."""
    not_together: tuple[tuple[str, str], ...] = ()
    """pairs that exclude each other."""
    spared: Mapping[str, str] = field(default_factory=dict)
    """required word → the word beside which it need not be said."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """Base of everything written as a mapping. ``mark`` is where it begins."""

    rules: ClassVar[Rules] = Rules()
    check_schema: ClassVar[JsonSchema] = {}
    """What ``check`` asks about which words stand together, as far as draft-07 can say it."""

    mark: Mark = field(compare=False, repr=False)
    marks: Mapping[str, Mark] = field(compare=False, repr=False)
    """word → where its value stands."""
    unread: frozenset[str] | None = field(default=None, compare=False, repr=False)
    """None if all is well. Of a broken sentence the fields that could not be read whole."""

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
    called: tuple[str, ...] = (),
) -> Any:
    """Declare a dataclass field as a word; without ``default`` the word is required.

    Args:
        available: False for a word of the language that this version refuses by name.
        called: what else people call it, which is answered with the word.
    """
    metadata = {"word": (shape, doc, key, default is dataclasses.MISSING, available, called)}
    return field(default=default, metadata=metadata)


def later(shape: Shape[Any], doc: str) -> Any:
    """Declare a word that is part of the language and not available yet."""
    return word(shape, doc, default=None, available=False)


NO_WORDS = ("mark", "marks", "unread")
"""Fields that say where a sentence stands and how it was read."""
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
            shape, doc, key, *rest = item.metadata["word"]
            written = key or item.name.rstrip("_")
            words[written] = Word(written, item.name, shape, doc, *rest)
    return words


def usable(cls: type[Sentence], group: Sequence[str]) -> list[str]:
    """Return the words of a group that this version knows what to do with."""
    return [key for key in group if words_of(cls)[key].available]


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
    spared = cls.rules.spared
    required = [key for key, word in words.items() if word.required and key not in spared]
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
    demands = [any_required(group, names=usable(cls, group)) for group in rules.any_of]
    for other in dict.fromkeys(rules.spared.values()):
        spared = [key for key, instead in rules.spared.items() if instead == other]
        demands.append({"if": {"required": [other]}, "else": {"required": spared}})
    if cls.check_schema:
        demands.append(cls.check_schema)
    schema: JsonSchema = {"dependencies": beside} if beside else {}
    return {**schema, "allOf": demands} if demands else schema


def any_required(
    words: Sequence[str], lead: str = "say at least one of", *, names: Sequence[str] | None = None
) -> JsonSchema:
    """Return a schema that asks for one of the words at least, in one message.

    Args:
        names: the words that the message offers, if not all of them.
    """
    message = f"{lead}: {', '.join(names or words)}"
    return {"anyOf": [{"required": [word], "errorMessage": message} for word in words]}
