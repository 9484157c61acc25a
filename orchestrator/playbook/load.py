"""Load a project: its files as one checked ``Playbook``, or the list of what is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.names import Name
from orchestrator.playbook.acts import act_problems
from orchestrator.playbook.blueprints import folded
from orchestrator.playbook.customs import custom_problems
from orchestrator.playbook.draft import Draft
from orchestrator.playbook.files import files_of
from orchestrator.playbook.model import Catalog, Playbook, Project
from orchestrator.playbook.names import name_problems
from orchestrator.playbook.read import draft_of, read_project
from orchestrator.playbook.sends import send_problems
from orchestrator.playbook.shop import shop_problems
from orchestrator.playbook.structure import structure_problems
from orchestrator.playbook.told import told_problems
from orchestrator.playbook.types import type_problems
from orchestrator.playbook.vocabulary import Vocabulary
from orchestrator.playbook.withheld import without_secrets


@dataclass(frozen=True)
class Loaded:
    """What loading a project gave. All or nothing: with one error there is no playbook."""

    playbook: Playbook | None
    problems: tuple[Problem, ...]
    """Errors and warnings, sorted by place."""
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Path below the project → text, to show the lines that problems are about."""

    @property
    def errors(self) -> int:
        """How many of the problems are errors."""
        return sum(problem.severity == "error" for problem in self.problems)


def load(project_dir: Path, *, variables: Mapping[str, str] = MappingProxyType({})) -> Loaded:
    """Read a project and check its words, names and types.

    Args:
        variables: ``--var`` values, over those of every file.
    Raises:
        UsageError: the folder is no project, or a variable is not understood.
    """
    return _loaded(read_project(project_dir, variables))


def load_texts(
    texts: Mapping[str, str], *, variables: Mapping[str, str] = MappingProxyType({})
) -> Loaded:
    """Load a project from its texts instead of its folder: what a release has recorded.

    Args:
        texts: path below the project → text, as ``Playbook.files`` has them.
    Raises:
        UsageError: a variable is not understood.
    """
    return _loaded(draft_of(files_of(texts), variables))


def _loaded(draft: Draft) -> Loaded:
    playbook = sound_parts(draft)
    return finish(draft, playbook, layers(draft, playbook))


def layers(draft: Draft, playbook: Playbook) -> Iterator[Problem]:
    """Yield what is wrong with names and types, as far as the sound parts can tell."""
    vocabulary = Vocabulary(playbook, draft.declared, tuple(draft.broken))
    told = {problem.mark for problem in draft.problems if problem.severity == "error"}
    for found in (
        name_problems(vocabulary),
        type_problems(vocabulary),
        structure_problems(playbook),
        told_problems(playbook),
        act_problems(playbook),
        send_problems(vocabulary),
        shop_problems(playbook),
        custom_problems(vocabulary),
    ):
        yield from (problem for problem in found if problem.mark not in told)


def finish(draft: Draft, playbook: Playbook, more: Iterable[Problem]) -> Loaded:
    """Return what was loaded; the playbook only if nothing is an error."""
    different = {_by_place(problem): problem for problem in [*draft.problems, *more]}
    files = draft.files.all()
    told = without_secrets(folded(different.values(), draft.declared.of("flow")), files)
    problems = sorted(told, key=_by_place)
    broken = any(problem.severity == "error" for problem in problems)
    return Loaded(None if broken else playbook, tuple(problems), files)


def _by_place(problem: Problem) -> tuple[Mark, str, str]:
    return problem.mark, problem.code, problem.message


def sound_parts(draft: Draft) -> Playbook:
    """Return a playbook of everything that could be read; whole if nothing was wrong."""
    files, variables = draft.files.all(), draft.given_texts()
    return Playbook(
        project=draft.project or _unnamed_project(),
        catalog=merge_catalogs(draft.catalogs),
        stages=tuple(draft.stages),
        segments=dict(draft.segments),
        flows=dict(sorted(draft.flows.items())),
        messages=dict(draft.messages),
        channels=dict(draft.channels),
        layouts=dict(draft.layouts),
        files=files,
        fingerprint=fingerprint(files, variables),
        variables=variables,
        contents={
            one.sha256: one.content
            for one in draft.files.attached.values()
            if one.content is not None
        },
    )


def fingerprint(
    files: Mapping[str, str], variables: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return sha256 over every path and text, then every variable given beside them, in hex."""
    digest = hashlib.sha256()
    given = ((f"--var {name}", variables[name]) for name in sorted(variables))
    for pair in (*((path, files[path]) for path in sorted(files)), *given):
        for part in pair:
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def merge_catalogs(catalogs: Iterable[Catalog]) -> Catalog:
    """Return all catalogs as one; of a name defined twice the first stays."""
    parts = list(catalogs)
    mark = parts[0].mark if parts else Mark("playbooks/catalog.yaml", 1, 1)
    merged: dict[str, dict[Name, object]] = {}
    marks: dict[str, Mark] = {}
    for part in parts:
        for section in ("events", "attributes", "topics", "senders", "webhooks"):
            for name, value in (getattr(part, section) or {}).items():
                merged.setdefault(section, {}).setdefault(name, value)
                marks.setdefault(section, part.mark_at(section))
    lists = tuple(dict.fromkeys(name for part in parts for name in part.lists or ()))
    return Catalog(mark=mark, marks=marks, lists=lists or None, **merged)  # type: ignore[arg-type]  # by its own words


def _unnamed_project() -> Project:
    mark = Mark("playbooks/project.yaml", 1, 1)
    return Project(
        mark=mark,
        marks={},
        unread=frozenset(),
        project=Name("unnamed", "new project", mark),
        timezone="UTC",
    )
