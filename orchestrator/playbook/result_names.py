"""Names of what steps bring back: ``answer.topic`` of a step with ``id: answer``."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.flow.base import Step
from orchestrator.flow.graph import in_document_order
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.reader import suggest
from orchestrator.playbook.model import Flow
from orchestrator.playbook.places import Setting
from orchestrator.playbook.vocabulary import Vocabulary

CODE = "CLM219"
TAKEN = ("customer", "entry", "links", "message", "project", "today", "vars", "with")
"""What templates call other things by."""


def names_result(name: str, setting: Setting, vocabulary: Vocabulary) -> bool:
    """Return whether an attribute's name can only mean what a step brought back."""
    step, dot, _ = name.partition(".")
    if not dot or setting.flow is None or vocabulary.has("attribute", name):
        return bool(dot and setting.flow and step in vocabulary.results(setting.flow))
    return step != "customer"


def result_problems(
    name: str, mark: Mark, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    """Yield what is wrong with ``answer.topic``, or with the value ``$answer.topic``."""
    step, _, prop = name.partition(".")
    flow = setting.flow
    if flow is None or not setting.walks:
        message = f'"{name[:60]}" is asked where no step has been taken'
        help = 'what a step brought back is known in the steps, "exits_when" and goal of its flow'
        yield Problem(mark, CODE, message, help)
        return
    results = vocabulary.results(flow)
    if step not in results:
        if flow.unread is None or "steps" not in flow.unread:
            yield _no_result(step, name, mark, flow, results)
        return
    known = vocabulary.result_properties(results[step])
    events = results[step].brings() or ()
    whole = all(map(vocabulary.is_declared, events))
    if prop not in known and whole:
        help = suggest(prop, known, lead="it has")
        yield Problem(mark, CODE, f'what "{step}" brings back has no "{prop[:60]}"', help)


def _no_result(step: str, name: str, mark: Mark, flow: Flow, results: dict[str, Step]) -> Problem:
    there = {str(one.id) for one in in_document_order(flow.steps) if one.id is not None}
    if step in there:
        message = f'the step "{step}" brings nothing back'
        return Problem(
            mark, CODE, message, "a wait_until with an id does, and a webhook with at_most"
        )
    message = f'no step of this flow brings back "{step[:60]}"'
    help = "give the wait_until that is meant an id, and name its result by it: answer.at"
    if results:
        help = suggest(step, results, lead="results here are")
    return Problem(mark, CODE, message, help)


def taken_names(flow: Flow) -> Iterator[Problem]:
    """Yield steps whose result would be called what templates call something else."""
    for step in in_document_order(flow.steps):
        if step.id in TAKEN and step.brings() is not None and step.id is not None:
            message = f'"{step.id}" is the name of something else in templates'
            help = "name the step after what it brings back, for example: answer"
            yield Problem(step.id.mark, CODE, message, help)
