"""A project as it was read: the sound parts, every name, every problem so far."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.names import Name
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode, describe
from orchestrator.language.reader import Invalid, Reader, part_of, suggest, surely_meant
from orchestrator.language.sentences import read_sentence
from orchestrator.playbook.declared import Declared, declare
from orchestrator.playbook.files import TEMPLATES, ProjectFiles, read_files
from orchestrator.playbook.mending import mended, sound_words
from orchestrator.playbook.model import (
    Catalog,
    Flow,
    Message,
    Project,
    Segment,
    SegmentsFile,
    Stage,
    StagesFile,
)
from orchestrator.playbook.places import NOWHERE, Setting, is_whole, parts_of_flow
from orchestrator.playbook.templates import library, message_folders, read_message
from orchestrator.playbook.variables import PlaybookReader, given_variables, own_variables
from orchestrator.playbook.yaml_text import read_yaml

CATALOG_WORDS = ("events", "attributes", "topics", "senders", "lists", "webhooks")
KINDS: dict[str, str] = {
    "project": "project",
    "stages": "stages",
    "segments": "segments",
    "flow": "flow",
    **dict.fromkeys(CATALOG_WORDS, "catalog"),
}
"""First word of a document → its kind."""
_NOT_YET = ("blueprint", "include")
_HIDES: dict[str, tuple[str, ...]] = {
    "project": ("variable",),
    "catalog": ("event", "property", "attribute", "topic", "sender", "list", "webhook"),
    "stages": ("stage",),
    "segments": ("segment",),
    "flow": ("flow",),
}
"""Kind of document → kinds of names that are unknown while it cannot be read."""
_TOP_WORD = re.compile(r"^([a-z_]+):[ \t]*(\S*)", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One file under ``playbooks/`` that is a mapping of a known kind."""

    path: str
    kind: str
    node: MapNode
    doubtful: frozenset[tuple[int, int]]
    """(line, column) of what was already reported when the text was read."""


@dataclass
class Draft:
    """What a project's files say as far as they can be understood."""

    files: ProjectFiles
    declared: Declared = field(default_factory=Declared)
    problems: list[Problem] = field(default_factory=list)
    project: Project | None = None
    project_marks: list[Mark] = field(default_factory=list)
    catalogs: list[Catalog] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    stage_marks: list[Mark] = field(default_factory=list)
    segments: dict[str, Segment] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    layouts: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Node] = field(default_factory=dict)
    """Those of the project."""
    given: dict[str, Node] = field(default_factory=dict)
    """Those of the command line."""
    known_variables: set[str] = field(default_factory=set)
    broken: list[tuple[Any, Setting]] = field(default_factory=list)
    """Trees with something wrong in them, each with its setting; what could not be read is None."""


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
    documents = _documents(draft)
    for path in draft.files.unreadable:
        _hide(draft, tuple(_HIDES) if path.startswith("playbooks/") else ())
    for document in documents:
        declare(document.node, draft.declared)
    for document in sorted(documents, key=lambda document: document.kind != "project"):
        _read_document(document, draft)
    _read_messages(draft)
    _require_project(draft)
    draft.problems += [*draft.declared.problems, *draft.declared.lookalikes()]
    _require_known_variables(draft)
    return draft


def _documents(draft: Draft) -> list[Document]:
    documents = []
    for path, text in draft.files.playbooks.items():
        before = len(draft.problems)
        node = read_yaml(text, path, draft.problems)
        doubtful = frozenset((p.mark.line, p.mark.column) for p in draft.problems[before:])
        if isinstance(node, MapNode):
            document = _document(path, node, doubtful, draft)
            documents += [document] if document else []
            continue
        if node is not None:
            _refuse_root(node, draft)
        _hide_words(text, path, draft)
    return documents


def _document(
    path: str, node: MapNode, doubtful: frozenset[tuple[int, int]], draft: Draft
) -> Document | None:
    reader = Reader(problems=draft.problems)
    refused = [key for key, _ in node.items if key.text in _NOT_YET]
    for key in refused:
        reader.unavailable(key.mark, key.text)
    node = MapNode(node.mark, tuple(item for item in node.items if item[0].text not in _NOT_YET))
    kind = next((KINDS[key.text] for key, _ in node.items if key.text in KINDS), None)
    if kind is not None:
        return Document(path, kind, node, doubtful)
    if refused or not node.items:
        return None
    meant = _refuse_kind(node, draft)
    return _document(path, meant, doubtful, draft) if meant else None


def _refuse_kind(node: MapNode, draft: Draft) -> MapNode | None:
    """Report a file that begins with a strange word; returns it with the word that is meant."""
    key = next((key for key, _ in node.items if key.text not in ("vars", "note", "meta")), None)
    key = key or node.items[0][0]
    help = suggest(key.text, KINDS, lead="a file under playbooks/ begins with one of")
    message = f'"{key.text[:60]}" is no kind of playbook file'
    draft.problems.append(Problem(key.mark, "CLM117", message, help))
    word = surely_meant(key.text, KINDS)
    if word is None:
        _hide(draft, tuple(_HIDES))
        return None
    right = ScalarNode(key.mark, word, word)
    return MapNode(
        node.mark, tuple((right if name is key else name, value) for name, value in node.items)
    )


def _refuse_root(node: Node, draft: Draft) -> None:
    help = 'the first word says what the file holds, for example "flow: welcome"'
    message = f"a playbook file is a mapping of words, here is {describe(node)}"
    draft.problems.append(Problem(node.mark, "CLM117", message, help))


def _hide_words(text: str, path: str, draft: Draft) -> None:
    """Remember which names an unreadable text would have defined."""
    for found in _TOP_WORD.finditer(text):
        kind = KINDS.get(found[1])
        if kind == "flow" and found[2]:
            draft.declared.of("flow").setdefault(found[2].strip("'\""), Mark(path, 1, 1))
        elif kind:
            _hide(draft, (kind,))
        if kind == "project":
            draft.project_marks.append(Mark(path, 1, 1))


def _hide(draft: Draft, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        draft.declared.open.update(_HIDES[kind])


def _read_document(document: Document, draft: Draft) -> None:
    reader = PlaybookReader(
        complete=draft.project is not None or "variable" not in draft.declared.open
    )
    own = own_variables(document.node, reader)
    if document.kind == "project":
        draft.variables = {**own, **draft.variables}
    reader.variables = {**draft.variables, **own, **draft.given}
    _READ[document.kind](document, reader, draft)
    draft.known_variables |= {*own, *reader.used}
    draft.problems += [
        problem
        for problem in reader.problems
        if (problem.mark.line, problem.mark.column) not in document.doubtful
        or problem.mark.path != document.path
    ]


def _read_project(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    mark = document.node.items[0][0].mark
    if draft.project_marks:
        first = draft.project_marks[0]
        message = f"the project is described a second time, the first is at {first}"
        reader.report(mark, "CLM212", message, help="keep one of the two files")
    draft.project_marks.append(mark)
    read = read_sentence(Project, document.node, reader, place="the project")
    project = part_of(read)
    if isinstance(read, Invalid):
        draft.broken.append((project, NOWHERE))
    if draft.project is None and project.project and project.timezone:
        draft.project = sound_words(project)


def _read_catalog(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    read = read_sentence(Catalog, document.node, reader, place="the catalog")
    if isinstance(read, Invalid):
        draft.broken.append((read.part, NOWHERE))
    draft.catalogs.append(_sound_catalog(part_of(read)))


def _sound_catalog(catalog: Catalog) -> Catalog:
    sections = {
        section: {
            name: value
            for name, value in (getattr(catalog, section) or {}).items()
            if isinstance(name, Name) and is_whole(value)
        }
        for section in ("events", "attributes", "topics", "senders", "webhooks")
    }
    lists = tuple(name for name in catalog.lists or () if isinstance(name, Name))
    return replace(catalog, **sections, lists=lists or None, unread=None)  # type: ignore[arg-type]  # by its own words


def _read_stages(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    if draft.stage_marks:
        first = draft.stage_marks[0]
        message = f"the stages are listed a second time, the first list is at {first}"
        help = "there is one stage model, top to bottom; put all stages into one file"
        reader.report(document.node.items[0][0].mark, "CLM212", message, help=help)
        return
    draft.stage_marks.append(document.node.items[0][0].mark)
    read = read_sentence(StagesFile, document.node, reader, place="a file of stages")
    for stage in part_of(read).stages or ():
        if is_whole(stage):
            draft.stages.append(stage)
        else:
            draft.broken.append((stage, NOWHERE))


def _read_segments(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    read = read_sentence(SegmentsFile, document.node, reader, place="a file of segments")
    for name, criterion in (part_of(read).segments or {}).items():
        if isinstance(name, Name) and is_whole(criterion):
            draft.segments.setdefault(name, Segment(name, criterion))
        else:
            draft.broken.append((criterion, NOWHERE))


def _read_flow(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    leaving = document.node.get("exits_when")
    resolved = reader.resolve(leaving) if leaving is not None else None
    if isinstance(resolved, ListNode) and len(resolved.items) > 1:
        reader.report(
            leaving.mark if leaving else document.node.mark,
            "CLM309",
            '"exits_when" takes one condition, here is a list of several',
            help='write "any:" if one of them is enough, "all:" if all must hold',
        )
    read = read_sentence(Flow, document.node, reader, place="a flow")
    flow: Flow = part_of(read)
    if isinstance(read, Invalid):
        draft.broken += parts_of_flow(flow)
        flow = mended(flow)
    if flow.flow:
        draft.flows.setdefault(flow.flow, flow)


_READ: dict[str, Any] = {
    "project": _read_project,
    "catalog": _read_catalog,
    "stages": _read_stages,
    "segments": _read_segments,
    "flow": _read_flow,
}


def _read_messages(draft: Draft) -> None:
    texts = draft.files.templates
    draft.layouts = library(texts)
    reader = PlaybookReader(
        variables={**draft.variables, **draft.given},
        complete="variable" not in draft.declared.open,
    )
    for name, paths in message_folders(texts, draft.files.unreadable).items():
        draft.declared.add("message", name, Mark(f"{TEMPLATES}/{name}", 1, 1))
        read = {path: texts[path] for path in paths if path in texts}
        if read:
            draft.messages[name] = read_message(name, read, reader)
        if len(read) < len(paths):
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
