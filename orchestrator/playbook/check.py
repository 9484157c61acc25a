"""Check a project in all layers: text, words, names, types, meaning, templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from orchestrator.language.marks import Problem
from orchestrator.playbook.draft import read_project
from orchestrator.playbook.ignores import find_ignores
from orchestrator.playbook.load import Loaded, finish, layers, sound_parts
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.rules import run_rules
from orchestrator.render.check import template_problems

_ABOUT_THE_WHOLE = frozenset(("CLM404", "CLM415", "CLM416", "CLM502", "CLM503"))
"""Codes that say something is used nowhere, or known nowhere: true of whole projects only."""

_NO_SUBJECT = "CLM508"
"""Follows from front matter that could not be read."""


def check(project_dir: Path, variables: Mapping[str, str] = MappingProxyType({})) -> Loaded:
    """Read a project and report everything that is wrong or doubtful in it, in one pass.

    Args:
        variables: ``--var`` values, over those of every file.
    Raises:
        UsageError: the folder is no project, or a variable is not understood.
    """
    draft = read_project(project_dir, variables)
    playbook = sound_parts(draft)
    ignores = find_ignores(draft.files.all())
    found = list(layers(draft, playbook))
    found += _meaning(playbook, [*draft.problems, *found])
    draft.problems = list(ignores.left(draft.problems))
    return finish(draft, playbook, [*ignores.left(found), *ignores.problems])


def _meaning(playbook: Playbook, so_far: list[Problem]) -> Iterator[Problem]:
    """Yield what rules and templates say; of a broken project only what is true regardless."""
    errors = {problem.mark for problem in so_far if problem.severity == "error"}
    broken = {mark.path for mark in errors}
    for problem in (*run_rules(playbook), *template_problems(playbook)):
        told = problem.mark in errors or (errors and problem.code in _ABOUT_THE_WHOLE)
        follows = problem.code == _NO_SUBJECT and problem.mark.path in broken
        if not told and not follows:
            yield problem
