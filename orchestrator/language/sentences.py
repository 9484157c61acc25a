"""Reading mappings as sentences: what is wrong is told, what can be read is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.language.marks import Mark
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import (
    INVALID,
    Invalid,
    Reader,
    nearest,
    part_of,
    suggest,
    surely_meant,
)
from orchestrator.language.shapes import JsonSchema, Shape, or_variable
from orchestrator.language.words import NO_WORDS, Sentence, Word, sentence_schema, usable, words_of

S = TypeVar("S", bound=Sentence)


class SentenceOf(Shape[S]):
    """A mapping with the words of one sentence class."""

    def __init__(self, cls: type[S], says: str, *, example: str | None = None) -> None:
        """Take the class, what a mapping of it is called, and one to show where none stands."""
        self.cls = cls
        self.says = says
        self.example = example

    def read_resolved(self, node: Node, reader: Reader) -> S | Invalid:
        words = ", ".join(words_of(self.cls))
        if isinstance(node, ListNode):
            return self.refuse(node, reader, help=f"one mapping, not a list, with: {words}")
        if not isinstance(node, MapNode):
            nothing = isinstance(node, ScalarNode) and node.value is None
            return self.refuse(node, reader, help=None if nothing else self._mapping(node, words))
        return read_sentence(self.cls, node, reader, place=self.says)

    def _mapping(self, node: Node, words: str) -> str:
        if self.example is None:
            return f"a mapping with: {words}"
        text = node.text if isinstance(node, ScalarNode) else ""
        return f"write {self.example.format(text)}; a mapping with: {words}"

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
    begins = mark or (node.items[0][0].mark if node.items else node.mark)
    said = read_words(words_of(cls), node, reader, place=place)
    present = {**said.meant, **said.marks}
    needed = [word for word in words_of(cls).values() if word.required]
    missing = [word for word in needed if word.field_name not in said.values]
    for word in missing:
        if word.key not in present and cls.rules.spared.get(word.key) not in present:
            reader.report(begins, "CLM107", f'{place} needs "{word.key}"')
    broken = list(_broken_rules(cls, present))
    for problem in broken:
        reader.report(begins, "CLM108", f"{place}: {problem}")
    said.values.update(given or {})
    if missing or any(isinstance(value, Invalid) for value in said.values.values()):
        return Invalid(build(cls, said, begins))
    sentence = cls(mark=begins, marks=said.marks, **said.values)
    refused = _refusals(sentence, reader, lost=said.lost)
    return Invalid(build(cls, said, begins)) if said.strange or broken or refused else sentence


def _refusals(sentence: Sentence, reader: Reader, *, lost: bool) -> bool:
    """Report what the sentence itself refuses; a word that is lost may be what it lacks."""
    before = len(reader.problems)
    sentence.check(reader)
    found = reader.problems[before:]
    reader.problems[before:] = [one for one in found if not (lost and one.code == "CLM108")]
    return any(problem.severity == "error" for problem in found)


@dataclass
class Said:
    """What the words of one mapping say."""

    values: dict[str, Any] = field(default_factory=dict)
    """field → what was read."""
    marks: dict[str, Mark] = field(default_factory=dict)
    meant: dict[str, Mark] = field(default_factory=dict)
    """word that a mistyped one may have been → where that stands."""
    strange: bool = False
    """Whether a word is unknown or not available."""
    lost: bool = False
    """Whether nobody knows what a strange word says."""


def read_words(known: Mapping[str, Word], node: MapNode, reader: Reader, *, place: str) -> Said:
    """Read the words of a mapping; a mistyped word is reported, and read as what it means."""
    said = Said()
    for key, value in node.items:
        found = known.get(key.text)
        if found is None:
            _refuse_word(key, place, known, reader)
            meant = _called(key.text, known) or nearest(key.text, known)
            said.meant.update((word, key.mark) for word in meant)
            found = _surely(key.text, known, node)
            said.strange = True
        elif not found.available:
            reader.unavailable(key.mark, key.text)
            said.marks[found.key] = value.mark
            said.strange, found = True, None
        if found is None:
            said.lost = True
            continue
        said.marks[found.key] = value.mark
        read = found.shape.read(value, reader)
        said.values[found.field_name] = read
        if isinstance(read, Invalid) and not found.required:
            _tell_to_leave_out(key.text, value, reader)
    return said


def _tell_to_leave_out(key: str, value: Node, reader: Reader) -> None:
    """Add to the problem of an empty value that the word is not needed."""
    last = reader.problems[-1] if reader.problems else None
    empty = value.value is None if isinstance(value, ScalarNode) else not value.items
    if empty and last and last.mark == value.mark and last.help is None:
        help = f'leave "{key}" out if there is nothing to say'
        reader.problems[-1] = dataclasses.replace(last, help=help)


def _surely(key: str, known: Mapping[str, Word], node: MapNode) -> Word | None:
    """Return the word that a mistyped one stands for, unless it stands there itself."""
    word = next(iter(_called(key, known)), None) or surely_meant(key, known)
    found = known[word] if word else None
    return found if found and found.available and node.get(found.key) is None else None


def _called(key: str, known: Mapping[str, Word]) -> list[str]:
    """Return the word that others call so."""
    folded = key.casefold().replace("-", "_")
    return [word.key for word in known.values() if folded in word.called][:1]


def build(cls: type[S], said: Said, begins: Mark) -> S:
    """Return the broken sentence that words make, with None for all that could not be read."""
    values = {
        item.name: said.values.get(item.name, _unsaid(item))
        for item in dataclasses.fields(cls)
        if item.name not in NO_WORDS
    }
    unread = frozenset(name for name, value in values.items() if isinstance(value, Invalid))
    parts = {name: part_of(value) for name, value in values.items()}
    return cls(mark=begins, marks=said.marks, unread=unread, **parts)


def _unsaid(item: dataclasses.Field[Any]) -> Any:
    return INVALID if item.default is dataclasses.MISSING else item.default


def _refuse_word(key: ScalarNode, place: str, known: Mapping[str, Word], reader: Reader) -> None:
    usable = [word.key for word in known.values() if word.available]
    head = place.partition(' with "')[2]
    lead = f'with "{head}' if head else f"in {place}"
    reader.report(
        key.mark,
        "CLM104",
        f'unknown word "{key.text[:60]}"',
        help=suggest(key.text, usable, lead=f"{lead} you can use", meant=_called(key.text, known)),
    )


def _broken_rules(cls: type[Sentence], present: Mapping[str, Mark]) -> Iterator[str]:
    rules = cls.rules
    for key, needed in rules.needs.items():
        for other in needed:
            if key in present and other not in present:
                yield f'"{key}" needs "{other}" beside it'
    for group in rules.any_of:
        if not any(key in present for key in group):
            words = usable(cls, group)
            yield ("say at least one of " if len(words) > 1 else "say its ") + ", ".join(words)
    for one, other in rules.not_together:
        if one in present and other in present:
            yield f'"{one}" and "{other}" exclude each other'
