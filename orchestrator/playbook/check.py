"""Check a project in all layers: text, words, names, types, meaning, templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.draft import Draft
from orchestrator.playbook.ignores import find_ignores
from orchestrator.playbook.load import Loaded, finish, layers, sound_parts
from orchestrator.playbook.model import Catalog, Playbook
from orchestrator.playbook.read import read_project
from orchestrator.playbook.rules import run_rules
from orchestrator.render.check import template_problems

_ABOUT_THE_WHOLE = frozenset(("CLM404", "CLM411", "CLM415", "CLM416", "CLM421"))
"""Codes that compare with all there is: true of projects without errors only."""
_OF_THE_PROJECT = frozenset(("CLM406", "CLM409", "CLM412", "CLM422", "CLM510"))
"""Codes that rest on what the project says for all flows."""
_OF_ONE_PART = frozenset(("CLM401", "CLM402", "CLM405", "CLM408"))
"""Codes of rules that look at one condition or step alone, whatever stands around it."""
_STEPS_IN_ORDER = "CLM403"
_NO_SUBJECT = "CLM508"
"""Follows from front matter, or from steps, that could not be read."""
_TEMPLATE_NAMES = frozenset(("CLM502", "CLM503", "CLM513"))
"""Rest on layouts and partials, of which some could not be read."""


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
    found += _meaning(draft, playbook, [*draft.problems, *found])
    draft.problems = list(ignores.left(draft.problems))
    return finish(draft, playbook, [*ignores.left(found), *ignores.problems])


def _meaning(draft: Draft, playbook: Playbook, so_far: list[Problem]) -> Iterator[Problem]:
    """Yield what rules and templates say; of a broken project only what is true regardless."""
    errors = {problem.mark for problem in so_far if problem.severity == "error"}
    doubtful = _doubtful_roots(draft, playbook) if errors else frozenset()
    for problem in (*run_rules(playbook), *template_problems(playbook, doubtful)):
        if not errors or (
            problem.mark not in errors and not _may_follow(problem, draft, playbook, errors)
        ):
            yield problem


def _may_follow(problem: Problem, draft: Draft, playbook: Playbook, errors: set[Mark]) -> bool:
    """Return whether a finding may be there only because of what could not be read."""
    code, path = problem.code, problem.mark.path
    broken = [flow for flow in playbook.flows.values() if flow.unread is not None]
    if code == _NO_SUBJECT:
        return any("steps" in flow.unread for flow in broken if flow.unread) or any(
            mark.path == path for mark in errors
        )
    if code in _TEMPLATE_NAMES:
        return bool(draft.files.unreadable)
    if code in _ABOUT_THE_WHOLE or (
        code in _OF_THE_PROJECT and playbook.project.unread is not None
    ):
        return True
    mine = next((flow for flow in broken if flow.mark.path == path), None)
    if mine is None or not code.startswith("CLM4") or code in _OF_ONE_PART:
        return False
    return code != _STEPS_IN_ORDER or "steps" in (mine.unread or ())


def _doubtful_roots(draft: Draft, playbook: Playbook) -> frozenset[str]:
    """Return the roots of template names of which some may be defined in broken parts."""
    roots = {"entry", "vars", "with"}
    if "attribute" in draft.declared.open or any(
        isinstance(tree, Catalog) for tree, _ in draft.broken
    ):
        roots.add("customer")
    if playbook.project.unread is not None:
        roots |= {"project", "links"}
    return frozenset(roots)
