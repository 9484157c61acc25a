"""``clmctl check``: every problem of the playbooks and templates, with its place."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.conventions import (
    DatabaseOption,
    ProjectOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from orchestrator.language.marks import Problem
    from orchestrator.playbook.load import Loaded

FORMS = ("human", "json", "github", "sarif")
SEVERITIES = ("error", "warning")

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl check", "name every mistake, with line and column"),
        ("clmctl check playbooks/flows/win_back.yaml", "show only the problems of one file"),
        ("clmctl check --fail-on warning -o github", "in a pull request, as annotations"),
        ("clmctl explain CLM104", "what a code means"),
    ],
)
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATHS]", help="Files or folders to show problems of (all)."),
    ] = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            metavar="|".join(SEVERITIES),
            help="The least that makes the exit code 1.",
        ),
    ] = "error",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Read all playbooks and templates and name every problem. No database is needed.

    If the project has one, what an edit does to people inside a flow is named too, where it
    needs a choice.

    Exit codes: 0 nothing found, 1 findings, 2 the command is not understood. All files are
    read whatever PATHS says; PATHS chooses whose problems are shown and counted.
    """
    one_of("-o", output, FORMS)
    one_of("--fail-on", fail_on, SEVERITIES)
    gc.disable()  # a tenth of the time; imports and one pass leave nothing to collect
    try:
        root, loaded = _read(project, var or [])
        problems = sorted((*loaded.problems, *_open_questions(root, loaded, db)))
        return _show(_below(problems, paths or [], root), loaded.texts, output, fail_on)
    finally:
        gc.enable()


def _read(project: Path | None, var: list[str]) -> tuple[Path, Loaded]:
    from orchestrator.playbook.check import check as check_project
    from orchestrator.settings import find_project, read_variables

    root = find_project(project)
    return root, check_project(root, read_variables(var))


def _open_questions(root: Path, loaded: Loaded, db: str | None) -> Iterable[Problem]:
    """Return what an edit needs a choice for; of a project without a database, nothing."""
    from orchestrator.settings import LOCAL_FOLDER, database_url

    no_database = database_url(db) is None and not (root / LOCAL_FOLDER / "clm.db").exists()
    if no_database or loaded.playbook is None:
        return ()
    from orchestrator.app.asking import open_questions
    from orchestrator.cli import console

    try:
        return open_questions(root, loaded.playbook, db)
    except EnvironmentFault as fault:
        if db is not None:
            raise
        console.say(f"The database was not asked about the people inside: {fault}")
        return ()


def _show(problems: list[Problem], texts: Mapping[str, str], output: str, fail_on: str) -> int:
    from orchestrator.cli import console
    from orchestrator.playbook.report import report, summary

    for line in report(problems, texts, output):
        console.out(line)
    if output == "human":
        console.say(summary(problems, len(texts)))
        _say_what_next(problems)
    return int(any(fail_on in (problem.severity, "warning") for problem in problems))


def _below(problems: list[Problem], paths: list[Path], root: Path) -> list[Problem]:
    """Return the problems of some files and folders, given below here or below the project."""
    if not paths:
        return problems
    wanted = [_project_path(path, root) for path in paths]
    return [
        problem
        for problem in problems
        if any(Path(problem.mark.path).is_relative_to(path) for path in wanted)
    ]


def _project_path(path: Path, root: Path) -> Path:
    for candidate in (Path.cwd() / path, root / path):
        if candidate.exists():
            resolved = candidate.resolve()
            if resolved.is_relative_to(root.resolve()):
                return resolved.relative_to(root.resolve())
            raise UsageError(f"{path} is not part of the project {root}")
    raise UsageError(f"there is no file {path}")


def _say_what_next(problems: list[Problem]) -> None:
    from orchestrator.cli import console

    if problems:
        first = min(problems, key=lambda problem: problem.severity != "error")
        which = "the first error" if first.severity == "error" else "the first"
        console.say(f"Next: clmctl explain {first.code} says more about {which}")
    else:
        console.say("Next: clmctl run --dry-run shows who would receive what")
