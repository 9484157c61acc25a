"""Conditions that packages bring: they must be installed, and take the values they get."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.criteria.custom import BROUGHT, find
from orchestrator.criteria.kinds.custom import Custom, unknown
from orchestrator.errors import EnvironmentFault
from orchestrator.language.marks import Problem
from orchestrator.language.reader import Reader
from orchestrator.playbook.places import sentences
from orchestrator.playbook.vocabulary import Vocabulary


def custom_problems(vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield what is wrong with ``custom`` conditions; imports the packages that are named."""
    for tree, _ in vocabulary.trees():
        for sentence in sentences(tree):
            if isinstance(sentence, Custom) and sentence.operand is not None:
                yield from _one(sentence, vocabulary)


def _one(sentence: Custom, vocabulary: Vocabulary) -> Iterator[Problem]:
    known = BROUGHT.names()
    if sentence.operand not in known:
        yield unknown(sentence.operand, known)
        return
    try:
        condition = find(sentence.operand)
    except EnvironmentFault as fault:
        yield Problem(sentence.operand.mark, "CLM242", str(fault))
        return
    if sentence.unread is not None:
        return
    reader = Reader()
    sentence.values(condition, reader)
    yield from reader.problems
    for name in sentence.names(condition):
        if not vocabulary.has(name.kind, name):
            yield vocabulary.unknown(name.kind, name)
