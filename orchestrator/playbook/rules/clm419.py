"""What a step brings back, asked before the step."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.flow.base import Step
from orchestrator.flow.brought import steps_that_bring
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.names import Name
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.places import own_literals, own_names, sentences
from orchestrator.playbook.walk import flows_in_use, steps_of

CODE = "CLM419"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield names of results in steps that stand above the step meant, outside of a repeat."""
    for flow in flows_in_use(playbook):
        yield from _too_early(flow)


def _too_early(flow: Flow) -> Iterator[Problem]:
    results = steps_that_bring(flow.steps)
    begun: set[str] = set()
    told: set[Mark] = set()
    again = {id(inner) for step in steps_of(flow) if step.comes_back for inner in _inside(step)}
    for step in steps_of(flow):
        begun |= {str(step.id)} & results.keys()
        for name, mark in _named(step) if id(step) not in again else ():
            meant = name.partition(".")[0]
            if meant in results and meant not in begun and mark not in told:
                told.add(mark)
                yield Problem(
                    mark,
                    CODE,
                    f'"{name}" is still missing here: "{meant}" is on line '
                    f"{results[meant].mark.line}",
                    help="ask for it below the step that brings it back",
                    severity="warning",
                )


def _inside(step: Step) -> Iterator[Step]:
    for _, inner in step.blocks():
        for one in inner:
            yield one
            yield from _inside(one)


def _named(step: Step) -> Iterator[tuple[str, Mark]]:
    """Yield what a step names; what its inner steps name is told of them."""
    inner = {id(sentence) for one in _inside(step) for sentence in sentences(one)}
    for sentence in sentences(step):
        if id(sentence) in inner:
            continue
        for _, name in own_names(sentence):
            if isinstance(name, Name) and name.kind == "attribute":
                yield name, name.mark
        for literal in own_literals(sentence):
            text = str(literal.value)
            if text.startswith("$"):
                yield text[1:], literal.mark
