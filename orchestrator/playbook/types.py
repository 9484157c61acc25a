"""Types: which tests fit which values, and which literals are values of a type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from orchestrator.criteria.kinds.anniversary import AnniversaryOf
from orchestrator.criteria.kinds.attribute import AttributeIs
from orchestrator.criteria.kinds.did import Did
from orchestrator.criteria.kinds.property_of import PropertyTotal
from orchestrator.criteria.measures import Measure, PropertyOf, split_property
from orchestrator.criteria.modifiers import COUNT_WORDS, ValueTests
from orchestrator.criteria.names import CUSTOMER_COLUMNS
from orchestrator.flow.starts.dates import DateStart
from orchestrator.flow.steps.set import Set
from orchestrator.flow.steps.start_flow import StartFlow
from orchestrator.flow.steps.wait_until_date import WaitUntilDate
from orchestrator.flow.told import is_reserved
from orchestrator.language.durations import DAY_UNITS
from orchestrator.language.literals import Literal, Reference
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.moments import parse_moment
from orchestrator.language.names import Name
from orchestrator.language.reader import suggest
from orchestrator.language.words import Sentence, words_of
from orchestrator.playbook.model import Attribute
from orchestrator.playbook.names import event_of
from orchestrator.playbook.places import Setting, sentences
from orchestrator.playbook.vocabulary import Vocabulary

_EQUAL = ("is", "is_not", "is_one_of", "is_none_of", "is_set")
_ORDER = ("at_least", "at_most", "more_than", "less_than", "between")
_TIMES = ("in_last", "in_next", "older_than", "before", "after")
FITTING: dict[str, tuple[str, ...]] = {
    "text": (*_EQUAL, "contains", "starts_with", "ends_with", *_ORDER),
    "number": (*_EQUAL, *_ORDER),
    "money": (*_EQUAL, *_ORDER),
    "boolean": _EQUAL,
    "date": (*_EQUAL, *_ORDER, *_TIMES),
    "datetime": (*_EQUAL, *_ORDER, *_TIMES),
    "list": ("contains", "is_set"),
}
"""Type → the tests that can be made of its values."""
_EXAMPLES = {
    "text": 'text in quotes: "{}"',
    "number": "a number such as 12 or 0.5",
    "money": "an amount such as 49.90, with at most four decimals",
    "boolean": "true or false",
    "date": "a day that exists, such as 2026-01-31",
    "datetime": "a date or a time such as 2026-01-31 08:00",
    "list": 'text in quotes: "{}"',
}
_MOST_NUMBER = 10**14
"""Sums are integers of 1/10,000 and must fit a database's 64 bits."""


def type_problems(vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield tests that do not fit, and values that are none of the type they meet."""
    yield from _catalog(vocabulary)
    for tree, setting in vocabulary.trees():
        for sentence in sentences(tree):
            yield from _in_sentence(sentence, setting, vocabulary)


def _in_sentence(sentence: Sentence, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    yield from _where(sentence, setting, vocabulary)
    if getattr(sentence, "operand", sentence) is None:
        return
    for kind, look in _LOOKS:
        if isinstance(sentence, kind):
            yield from look(sentence, setting, vocabulary)


def type_of(name: str, setting: Setting, vocabulary: Vocabulary) -> str | None:
    """Return the type of an attribute, ``entry.x`` or ``answer.x``; None if that is not known."""
    flow, (root, _, prop) = setting.flow, name.partition(".")
    if root == "entry" and prop:
        return vocabulary.entry_type(flow, prop) if flow else None
    if prop and flow and root in vocabulary.results(flow):
        return vocabulary.result_type(flow, root, prop)
    return vocabulary.names.attribute_type(name)


def _catalog(vocabulary: Vocabulary) -> Iterator[Problem]:
    for event, mark in vocabulary.declared.of("event").items():
        if is_reserved(event):
            message = f'events called "{event[:60]}" are written by flows themselves'
            yield Problem(mark, "CLM235", message, "call the event differently")
    for name, attribute in (vocabulary.playbook.catalog.attributes or {}).items():
        built_in = CUSTOMER_COLUMNS.get(name)
        if name.startswith("entry."):
            message = '"entry." begins what a flow was started with'
            yield Problem(name.mark, "CLM314", message, "call the attribute differently")
        elif built_in and (isinstance(attribute, Measure) or attribute.type != built_in):
            message = f'every customer has "{name}", a {built_in}'
            help = f"leave it out, say {{type: {built_in}}}, or call the attribute differently"
            yield Problem(name.mark, "CLM314", message, help)


def _where(sentence: Sentence, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    event = event_of(sentence)
    for prop, tests in (getattr(sentence, "where", None) or {}).items():
        type = vocabulary.names.property_type(event, prop) if event else None
        if type and tests:
            yield from _tests(tests, prop, type, setting, vocabulary)


def _attribute(
    sentence: AttributeIs, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    type = type_of(sentence.operand, setting, vocabulary)
    if type:
        yield from _tests(sentence, sentence.operand, type, setting, vocabulary)


def _tests(
    tests: ValueTests, name: str, type: str, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    choices = _choices(name, setting, vocabulary) if isinstance(tests, AttributeIs) else None
    for word, description in words_of(ValueTests).items():
        value = getattr(tests, description.field_name)
        if value is None:
            continue
        if word not in FITTING[type]:
            help = f"with {_article(type)} you can use: {', '.join(FITTING[type])}"
            message = f'"{word}" does not fit "{name}", which is {_article(type)}'
            yield Problem(tests.mark_at(word), "CLM302", message, help)
            continue
        if type == "date" and word in ("in_last", "in_next", "older_than"):
            yield from _whole_days(value, tests.mark_at(word), name)
        for literal in value if isinstance(value, tuple) else (value,):
            if isinstance(literal, Literal):
                expected = "text" if type == "list" else type
                yield from _literal(literal, expected, name, setting, vocabulary)
                if choices and word.startswith("is"):
                    yield from _choice(literal, choices, name)


def _whole_days(duration: Any, mark: Mark, name: str) -> Iterator[Problem]:
    if duration.unit not in DAY_UNITS:
        message = f'"{name}" is a date: {duration} is not a number of whole days'
        yield Problem(mark, "CLM306", message, "use days, weeks, months or years")


def _literal(
    literal: Literal, type: str, name: str, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    if isinstance(literal.value, Reference):
        root, other = literal.value.root, literal.value.name
        named = other if root == "customer" else f"{root}.{other}"
        found = type_of(named, setting, vocabulary)
        if found and found != type:
            message = f'"{literal.value}" is {_article(found)}, "{name}" is {_article(type)}'
            yield Problem(literal.mark, "CLM303", message, "compare values of one type")
    elif not is_value(literal, type):
        message = f'"{literal.text[:60]}" is no value of "{name}", which is {_article(type)}'
        if type == "text":
            message = f'{literal.text[:60]} without quotes is no text, and "{name}" is text'
        help = "write " + _EXAMPLES[type].format(literal.text[:60])
        yield Problem(literal.mark, "CLM303", message, help)


def is_value(literal: Literal, type: str) -> bool:
    """Return whether a literal is a value of a type."""
    value = literal.value
    if type in ("text", "list"):
        return isinstance(value, str)
    if type == "boolean":
        return isinstance(value, bool)
    if type in ("number", "money"):
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return False
        number = Decimal(value)
        return abs(number) < _MOST_NUMBER and (type == "number" or _is_amount(number))
    moment = parse_moment(literal.text) if isinstance(value, str) else None
    return moment is not None and (type == "datetime" or not isinstance(moment, datetime))


def _is_amount(value: Decimal) -> bool:
    return value == value.quantize(Decimal("0.0001"))


def _choices(name: str, setting: Setting, vocabulary: Vocabulary) -> tuple[str, ...] | None:
    step, _, fact = name.partition(".")
    if fact == "did" and setting.flow and step in vocabulary.results(setting.flow):
        return vocabulary.results(setting.flow)[step].brings() or None
    attribute = vocabulary.names.attributes.get(name)
    return attribute.one_of if isinstance(attribute, Attribute) else None


def _choice(literal: Literal, choices: Sequence[str], name: str) -> Iterator[Problem]:
    if isinstance(literal.value, str) and literal.text not in choices:
        help = suggest(literal.text, choices, lead=f'"{name}" is one of')
        message = f'"{literal.text[:60]}" is no value of "{name}"'
        yield Problem(literal.mark, "CLM304", message, help)


# --- counts, totals, dates, new values -------------------------------------------------


def _counts(
    sentence: Did | PropertyTotal, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    whole = isinstance(sentence, Did) or sentence.head == "number_of_different"
    for word, bound in _bounds(sentence):
        if whole and (bound != int(bound) or bound < 0):
            message = f"{bound} is not a number of times"
            help = "events are counted in whole numbers: 0, 1, 2 …"
            yield Problem(sentence.mark_at(word), "CLM307", message, help)
        elif abs(bound) >= _MOST_NUMBER:
            message = f"{bound} is larger than any total can be"
            yield Problem(sentence.mark_at(word), "CLM307", message)


def _bounds(sentence: Did | PropertyTotal) -> Iterator[tuple[str, Decimal]]:
    for word in COUNT_WORDS:
        value = getattr(sentence, word)
        for bound in value if isinstance(value, tuple) else (value,):
            if bound is not None:
                yield word, bound


def _numeric(
    sentence: PropertyTotal | PropertyOf, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    type = vocabulary.names.property_type(*split_property(sentence.operand))
    if type is None or sentence.head == "number_of_different":
        return
    if type not in ("number", "money"):
        message = f'"{sentence.operand}" is {_article(type)}, "{sentence.head}" needs a number'
        help = 'count them with "did" or "number_of_different"'
        yield Problem(sentence.operand.mark, "CLM305", message, help)


def _dated(
    sentence: AnniversaryOf | DateStart | WaitUntilDate, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    type = type_of(sentence.operand, setting, vocabulary)
    if type and type not in ("date", "datetime"):
        message = f'"{sentence.operand}" is {_article(type)}, "{sentence.head}" needs a date'
        yield Problem(sentence.operand.mark, "CLM305", message, "name a date or datetime attribute")


def _start_flow(sentence: StartFlow, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    literal = sentence.for_
    if literal is None or not isinstance(literal.value, Reference):
        return
    root, name = literal.value.root, literal.value.name
    found = type_of(name if root == "customer" else f"{root}.{name}", setting, vocabulary)
    if found and found not in ("text", "number"):
        message = f'"{literal.value}" is {_article(found)}, an id is text or a number'
        yield Problem(literal.mark, "CLM303", message, "name a value that holds a customer's id")


def _set(sentence: Set, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    for name, value in sentence.operand.items():
        attribute = vocabulary.names.attributes.get(name)
        if not isinstance(name, Name):
            continue
        if not isinstance(attribute, Attribute) or name in CUSTOMER_COLUMNS:
            yield from _not_settable(name, attribute, vocabulary)
        elif isinstance(value, Literal):
            yield from _literal(value, attribute.type, name, setting, vocabulary)
            yield from _choice(value, attribute.one_of, name) if attribute.one_of else ()
        elif value is None:
            continue
        elif attribute.type not in ("number", "money"):
            message = f'"{name}" is {_article(attribute.type)}, nothing can be added to it'
            yield Problem(value.mark, "CLM308", message, "add to numbers and amounts of money only")
        elif value.add is not None and not _is_amount(value.add):
            message = f"{value.add} has more than four decimals"
            yield Problem(value.mark_at("add"), "CLM303", message)


def _not_settable(name: Name, attribute: Any, vocabulary: Vocabulary) -> Iterator[Problem]:
    if name in CUSTOMER_COLUMNS:
        message = f'"{name}" comes with the customer; a flow cannot set it'
        yield Problem(name.mark, "CLM308", message, "set an attribute of the catalog")
    elif isinstance(attribute, Measure):
        message = f'"{name}" is computed; a flow cannot set it'
        yield Problem(name.mark, "CLM308", message, "set a stored attribute of the catalog")
    elif not vocabulary.has("attribute", name):
        yield vocabulary.unknown("attribute", name)


def _article(type: str) -> str:
    if type in ("text", "money"):
        return type
    return {"datetime": "a date with a time", "boolean": "true or false"}.get(type, f"a {type}")


_Look = Callable[[Any, Setting, Vocabulary], Iterator[Problem]]
_LOOKS: tuple[tuple[type[Sentence], _Look], ...] = (
    (AttributeIs, _attribute),
    (Did, _counts),
    (PropertyTotal, _counts),
    (PropertyTotal, _numeric),
    (PropertyOf, _numeric),
    (AnniversaryOf, _dated),
    (DateStart, _dated),
    (WaitUntilDate, _dated),
    (Set, _set),
    (StartFlow, _start_flow),
)
