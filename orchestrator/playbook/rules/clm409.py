"""Shares that are cut from the same bucket order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.criteria.kinds.sample import Sample
from orchestrator.flow.steps.split import Split
from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Guardrails, Playbook
from orchestrator.playbook.walk import asked, flows_in_use, steps_of

CODE = "CLM409"


@dataclass(frozen=True)
class _Cut:
    seed: str
    what: str
    share: Decimal | None
    mark: Mark


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield every share whose seed another, different share has already."""
    first: dict[str, _Cut] = {}
    for cut in _cuts(playbook):
        other = first.setdefault(cut.seed, cut)
        if other is not cut and not _same_people(other, cut):
            yield Problem(
                cut.mark,
                CODE,
                f'this {cut.what} shares the seed "{cut.seed}" with the {other.what} on '
                f"{other.mark}: both take the same customers first",
                help="give one of them a seed of its own",
                severity="warning",
            )


def _same_people(one: _Cut, other: _Cut) -> bool:
    """Return whether two cuts are one sample asked twice, which is how a seed is reused."""
    return one.what == other.what == "sample" and one.share == other.share


def _cuts(playbook: Playbook) -> Iterator[_Cut]:
    project = playbook.project
    yield from _holdout(project.guardrails, project.project)
    for flow in flows_in_use(playbook):
        yield from _holdout(flow.guardrails, flow.flow)
        for step in steps_of(flow):
            if isinstance(step, Split):
                seed = step.seed or f"split:{flow.flow}/{step.id}"
                yield _Cut(seed, "split", None, step.mark)
    for question in asked(playbook):
        for leaf in question.leaves():
            if isinstance(leaf, Sample):
                seed = leaf.seed or f"sample:{question.owner}"
                yield _Cut(seed, "sample", leaf.operand, leaf.mark)


def _holdout(guardrails: Guardrails | None, owner: str) -> Iterator[_Cut]:
    holdout = guardrails.holdout if guardrails else None
    if holdout:
        seed = holdout.seed or f"holdout:{owner}"
        yield _Cut(seed, "holdout", holdout.share, holdout.mark)
