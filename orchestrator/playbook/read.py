"""Reading a project: its files, whatever is wrong in them, as one draft."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.reader import suggest
from orchestrator.playbook.attachments import with_attachments
from orchestrator.playbook.declared import declare
from orchestrator.playbook.documents import documents_of
from orchestrator.playbook.draft import Draft
from orchestrator.playbook.files import TEMPLATES, ProjectFiles, read_files
from orchestrator.playbook.places import parts_of_flow
from orchestrator.playbook.readers import read_document
from orchestrator.playbook.templates import library, message_folders, read_message
from orchestrator.playbook.variables import PlaybookReader, given_variables


def read_project(project: Path, variables: Mapping[str, str]) -> Draft:
    """Read every file of a project, collecting all problems of text, words and shapes.

    Raises:
        UsageError: the folder is no project, or a ``--var`` names no variable.
    """
    return draft_of(read_files(project), variables)


def draft_of(files: ProjectFiles, variables: Mapping[str, str]) -> Draft:
    """Read the files of a project that are in memory already.

    Raises:
        UsageError: a ``--var`` names no variable.
    """
    draft = Draft(files, given=given_variables(variables))
    draft.problems += draft.files.problems
    documents = documents_of(draft)
    for document in documents:
        declare(document.node, draft.declared)
    for document in sorted(documents, key=lambda document: _READ_FIRST.get(document.kind, 2)):
        read_document(document, draft)
    draft.broken += [part for one in draft.patterns.values() for part in parts_of_flow(one)]
    _read_messages(draft)
    _require_project(draft)
    draft.problems += [*draft.declared.problems, *draft.declared.lookalikes()]
    _require_known_variables(draft)
    return draft


_READ_FIRST = {"project": 0, "blueprint": 1}
"""Kinds of documents on which others rest, in the order in which they are read."""


def _read_messages(draft: Draft) -> None:
    texts = draft.files.templates
    draft.layouts = library(texts)
    reader = PlaybookReader(
        variables={**draft.variables, **draft.given},
        complete="variable" not in draft.declared.open,
    )
    files = draft.files
    for name, paths in message_folders([*texts, *files.unreadable, *files.others]).items():
        draft.declared.add("message", name, Mark(f"{TEMPLATES}/{name}", 1, 1))
        read = {path: texts[path] for path in paths if path in texts}
        beside = [path for path in paths if path in files.others]
        if read or beside:
            message = read_message(name, read, reader)
            draft.messages[name] = with_attachments(message, beside, files, reader)
        if not files.unreadable.isdisjoint(paths):
            draft.declared.open.add(f"message {name}")
    draft.known_variables |= reader.used
    draft.problems += reader.problems


def _require_project(draft: Draft) -> None:
    if not draft.project_marks and not draft.files.unreadable:
        help = (
            "write playbooks/project.yaml with at least: project: my_shop, timezone: Europe/Vienna"
        )
        mark = Mark("playbooks/project.yaml", 1, 1)
        draft.problems.append(Problem(mark, "CLM218", "there is no project file", help))


def _require_known_variables(draft: Draft) -> None:
    known = {*draft.known_variables, *draft.variables}
    for name in draft.given:
        if name not in known and "variable" not in draft.declared.open:
            raise UsageError(
                f'--var {name}: no playbook has a variable "{name}"',
                help=suggest(name, known, lead="variables are"),
            )
