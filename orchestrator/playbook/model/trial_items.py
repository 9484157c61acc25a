"""What the items of a test have in common: when they are, and that each says one thing."""

from __future__ import annotations

from datetime import time

from orchestrator.language.moments import Moment
from orchestrator.language.reader import Reader
from orchestrator.language.words import Sentence
from orchestrator.playbook.model.offsets import AtShape

AFTER = "How long after the test's `clock`; days keep the time of day on the project's clock."
AT = "A time of day on that day, or by itself a date and time, on the project's clock."


def check_one_thing(sentence: Sentence, words: tuple[str, ...], reader: Reader) -> None:
    """Report an item that says two things, by the words of which each says one."""
    found = [key for key in words if key in sentence.marks]
    if len(found) > 1:
        reader.report(
            sentence.mark_at(found[1]),
            "CLM109",
            f'one item says one thing, here are "{found[0]}" and "{found[1]}"',
            help="make two items of it",
        )


def check_at(sentence: Sentence, at: time | Moment | None, reader: Reader) -> None:
    """Report a time of day without a day, and an instant that has one."""
    anchored = any(key in sentence.marks for key in ("after", "before"))
    if isinstance(at, time) != anchored and "at" in sentence.marks:
        reader.report(sentence.mark_at("at"), "CLM108", AtShape.hint or "")
