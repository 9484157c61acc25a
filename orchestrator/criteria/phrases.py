"""English phrases for conditions, generated from their words so that they cannot disagree."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestrator.criteria.modifiers import ValueTests, Where
from orchestrator.language.moments import Moment

_COUNT_PHRASES = {
    "at_least": "at least {}",
    "at_most": "at most {}",
    "exactly": "exactly {}",
    "more_than": "more than {}",
    "less_than": "less than {}",
}
_TEST_PHRASES = {
    "is_": "is {}",
    "is_not": "is not {}",
    "is_one_of": "is one of {}",
    "is_none_of": "is none of {}",
    "contains": "contains {}",
    "starts_with": "starts with {}",
    "ends_with": "ends with {}",
    "at_least": "at least {}",
    "at_most": "at most {}",
    "more_than": "more than {}",
    "less_than": "less than {}",
    "in_last": "in the last {}",
    "in_next": "in the next {}",
    "older_than": "at least {} ago",
    "before": "before {}",
    "after": "after {}",
}


def count_phrase(sentence: Any) -> str:
    """Return the count words in a row: ``at least 3 and at most 5``."""
    said = [
        phrase.format(getattr(sentence, word))
        for word, phrase in _COUNT_PHRASES.items()
        if getattr(sentence, word) is not None
    ]
    if sentence.between is not None:
        said.append("between {} and {}".format(*sentence.between))
    return " and ".join(said)


def window_phrase(sentence: Any) -> str:
    """Return the window words, each with a blank before it, or nothing."""
    said = ""
    if in_last := getattr(sentence, "in_last", None):
        said += f" in the last {in_last}"
    if older_than := getattr(sentence, "older_than", None):
        said += f" at least {older_than} ago"
    if before := getattr(sentence, "before", None):
        said += f" before {moment_phrase(before)}"
    if after := getattr(sentence, "after", None):
        said += f" after {moment_phrase(after)}"
    if getattr(sentence, "since", None):
        said += " since entering"
    return said


def where_phrase(where: Where | None) -> str:
    """Return the tests of properties, with a blank before them, or nothing."""
    if not where:
        return ""
    tested = [f"{prop} {tests_phrase(tests)}" for prop, tests in where.items()]
    return f" where {' and '.join(tested)}"


def tests_phrase(tests: ValueTests) -> str:
    """Return the tests of a value: ``is paid``, ``at least 50``."""
    said = []
    for field, phrase in _TEST_PHRASES.items():
        bound = getattr(tests, field)
        if bound is not None:
            listed = ", ".join(map(str, bound)) if isinstance(bound, tuple) else str(bound)
            said.append(phrase.format(listed))
    if tests.between is not None:
        said.append("between {} and {}".format(*tests.between))
    if tests.is_set is not None:
        said.append("is set" if tests.is_set else "is not set")
    return " and ".join(said)


def moment_phrase(moment: Moment) -> str:
    """Return a moment as people write it."""
    return f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, datetime) else f"{moment:%Y-%m-%d}"


def title(words: str) -> str:
    """Return a head word as spoken: ``not_in_segment`` is ``not in segment``."""
    return words.replace("_", " ")
