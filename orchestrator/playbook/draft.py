"""A project as it was read: the sound parts, every name, every problem so far."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.channels.settings import ChannelSettings
from orchestrator.errors import UsageError
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.names import Name
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode, describe
from orchestrator.language.reader import Invalid, Reader, part_of, suggest, surely_meant
from orchestrator.language.sentences import SentenceOf, read_sentence
from orchestrator.language.words import words_of
from orchestrator.playbook.blueprints import Pattern, made, wrong_inputs
from orchestrator.playbook.declared import Declared, declare
from orchestrator.playbook.files import PLAYBOOKS, TEMPLATES, ProjectFiles, read_files
from orchestrator.playbook.including import MAY_HOLD, Including
from orchestrator.playbook.mending import mended, sound_words
from orchestrator.playbook.model import (
    Blueprint,
    Catalog,
    ChannelsFile,
    Flow,
    Message,
    Project,
    Segment,
    SegmentsFile,
    SharedFile,
    Stage,
    StagesFile,
)
from orchestrator.playbook.model.blueprint import BlueprintHead
from orchestrator.playbook.places import NOWHERE, Setting, is_whole, parts_of_flow
from orchestrator.playbook.templates import library, message_folders, read_message
from orchestrator.playbook.variables import PlaybookReader, given_variables, own_variables
from orchestrator.playbook.yaml_text import read_yaml

CATALOG_WORDS = ("events", "attributes", "topics", "senders", "lists", "webhooks")
KINDS: dict[str, str] = {
    "project": "project",
    "stages": "stages",
    "segments": "segments",
    "channels": "channels",
    "flow": "flow",
    "blueprint": "blueprint",
    **dict.fromkeys(CATALOG_WORDS, "catalog"),
}
"""First word of a document → its kind."""
_HIDES: dict[str, tuple[str, ...]] = {
    "project": ("variable",),
    "catalog": ("event", "property", "attribute", "topic", "sender", "list", "webhook"),
    "stages": ("stage",),
    "segments": ("segment",),
    "channels": ("channel",),
    "flow": ("flow",),
    "blueprint": ("blueprint",),
}
"""Kind of document → kinds of names that are unknown while it cannot be read."""
_TOP_WORD = re.compile(r"^([a-z_]+):[ \t]*(\S*)", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One file under ``playbooks/`` that is a mapping of a known kind."""

    path: str
    kind: str
    node: MapNode


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
    channels: dict[str, ChannelSettings] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    layouts: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Node] = field(default_factory=dict)
    """Those of the project."""
    blueprints: dict[str, Pattern] = field(default_factory=dict)
    includes: dict[str, list[str]] = field(default_factory=dict)
    """Path → the paths of the files that it includes."""
    shared: dict[str, MapNode] = field(default_factory=dict)
    """Path → the words of each included file."""
    doubtful: set[tuple[str, int, int]] = field(default_factory=set)
    """(path, line, column) of what was reported when the texts were read."""
    given: dict[str, ScalarNode] = field(default_factory=dict)
    """Those of the command line."""
    patterns: dict[str, Any] = field(default_factory=dict)
    """Blueprints of which no flow is made, as far as they can be read."""
    known_variables: set[str] = field(default_factory=set)
    broken: list[tuple[Any, Setting]] = field(default_factory=list)
    """Trees with something wrong in them, each with its setting; what could not be read is None."""

    def given_texts(self) -> dict[str, str]:
        """Return the variables of the command line as they were written."""
        return {name: node.text for name, node in self.given.items()}


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
        _hide(draft, () if path.startswith(f"{TEMPLATES}/") else tuple(_HIDES))
    for document in documents:
        declare(document.node, draft.declared)
    for document in sorted(documents, key=lambda document: _READ_FIRST.get(document.kind, 2)):
        _read_document(document, draft)
    draft.broken += [part for one in draft.patterns.values() for part in parts_of_flow(one)]
    _read_messages(draft)
    _require_project(draft)
    draft.problems += [*draft.declared.problems, *draft.declared.lookalikes()]
    _require_known_variables(draft)
    return draft


_READ_FIRST = {"project": 0, "blueprint": 1}
"""Kinds of documents on which others rest, in the order in which they are read."""


def _documents(draft: Draft) -> list[Document]:
    documents: list[Document] = []

    def included(path: str) -> MapNode | None:
        document = _parsed(path, draft)
        if document is not None and not _may_be_included(document, draft):
            return None
        documents.extend([document] if document else [])
        return document.node if document else None

    including = Including(draft.files, draft.problems, included)
    roots = [path for path in draft.files.playbooks if path.startswith(f"{PLAYBOOKS}/")]
    for path in roots:
        document = _parsed(path, draft)
        if document is not None:
            documents.append(document)
            including.follow(document.node, path)
    if including.is_incomplete:
        _hide(draft, tuple(_HIDES))
    draft.includes, draft.shared = including.named, including.found
    return documents


def _parsed(path: str, draft: Draft) -> Document | None:
    """Return a file as a document of its kind, None if it is none."""
    text = draft.files.playbooks[path]
    before = len(draft.problems)
    node = read_yaml(text, path, draft.problems)
    marks = [problem.mark for problem in draft.problems[before:]]
    draft.doubtful |= {(mark.path, mark.line, mark.column) for mark in marks}
    if isinstance(node, MapNode):
        return _document(path, node, draft)
    if node is not None:
        _refuse_root(node, draft)
    _hide_words(text, path, draft)
    return None


def _document(path: str, node: MapNode, draft: Draft) -> Document | None:
    words = {key.text for key, _ in node.items}
    kind = next((KINDS[key.text] for key, _ in node.items if key.text in KINDS), None)
    if kind is not None:
        return Document(path, kind, node)
    of_others = "vars" in words and not path.startswith(f"{PLAYBOOKS}/")
    if ("include" in words or of_others) and words <= set(words_of(SharedFile)):
        return Document(path, "shared", node)
    meant = _refuse_kind(node, draft) if node.items else None
    return _document(path, meant, draft) if meant else None


def _may_be_included(document: Document, draft: Draft) -> bool:
    """Return whether a file that another one includes may be, telling why not."""
    if document.kind in MAY_HOLD:
        return True
    message = f'a file that is included holds no "{document.kind}"'
    help = "it holds segments, parts of the catalog, channels, a blueprint, or variables"
    draft.problems.append(Problem(document.node.items[0][0].mark, "CLM245", message, help))
    return False


_NO_KIND = ("vars", "include", "note", "meta")
"""Words that stand in files of several kinds."""


def _refuse_kind(node: MapNode, draft: Draft) -> MapNode | None:
    """Report a file that begins with a strange word; returns it with the word that is meant."""
    key = next((key for key, _ in node.items if key.text not in _NO_KIND), None)
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
    own = {**own_variables(document.node, reader), **_included_variables(document, reader, draft)}
    if document.kind == "project":
        draft.variables = {**own, **draft.variables}
    reader.variables = {**draft.variables, **own, **draft.given}
    _READ[document.kind](document, reader, draft)
    draft.known_variables |= {*own, *reader.used}
    draft.problems += [
        problem
        for problem in reader.problems
        if (problem.mark.path, problem.mark.line, problem.mark.column) not in draft.doubtful
    ]


def _included_variables(
    document: Document, reader: PlaybookReader, draft: Draft
) -> dict[str, Node]:
    """Return the variables that a document includes; a name stands in one place only."""
    first = {key.text: key.mark for key, _ in _vars_of(document.node)}
    found: dict[str, Node] = {}
    for path in draft.includes.get(document.path, ()):
        node = draft.shared[path]
        if any(key.text in KINDS for key, _ in node.items):
            continue  # its variables are its own
        for key, _ in _vars_of(node):
            if key.text in first:
                message = f'the variable "{key.text[:60]}" is included a second time, '
                message += f"the first is at {first[key.text]}"
                reader.report(key.mark, "CLM212", message, help="rename one of them")
            first.setdefault(key.text, key.mark)
        found |= own_variables(node, reader)
    return found


def _vars_of(node: MapNode) -> tuple[tuple[ScalarNode, Node], ...]:
    written = node.get("vars")
    return written.items if isinstance(written, MapNode) else ()


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


def _read_channels(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    read = read_sentence(ChannelsFile, document.node, reader, place="a file of channels")
    for name, settings in (part_of(read).channels or {}).items():
        if isinstance(name, Name) and is_whole(settings):
            draft.channels.setdefault(name, settings)
        else:
            draft.broken.append((settings, NOWHERE))


def _read_shared(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    read_sentence(SharedFile, document.node, reader, place="a file that is included")


def _read_blueprint(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    """Read a blueprint by itself: what is wrong in it is told even if no flow is made of it."""
    head = part_of(SentenceOf(BlueprintHead, "a blueprint").read(_head_of(document), Reader()))
    inputs = {str(name): one for name, one in (head.inputs or {}).items() if is_whole(one)}
    pattern = Pattern(str(head.blueprint), document.node, inputs, dict(reader.variables))
    reader.variables = {**reader.variables, **pattern.defaults}
    reader.unspoken = frozenset(_vars_of_inputs(document.node))
    read = read_sentence(Blueprint, document.node, reader, place="a blueprint")
    reader.problems += wrong_inputs(pattern, reader)
    if head.blueprint:
        draft.blueprints.setdefault(head.blueprint, pattern)
    draft.patterns[pattern.name] = part_of(read)


def _head_of(document: Document) -> MapNode:
    words = words_of(BlueprintHead)
    items = tuple(item for item in document.node.items if item[0].text in words)
    return MapNode(document.node.mark, items)


def _vars_of_inputs(node: MapNode) -> list[str]:
    written = node.get("inputs")
    return [key.text for key, _ in written.items] if isinstance(written, MapNode) else []


def _made(document: Document, reader: PlaybookReader, draft: Draft) -> Document:
    """Return a flow's document with the words that its blueprint lends it."""
    said = document.node.get("from_blueprint")
    if said is None:
        return document
    name = said.text if isinstance(said, ScalarNode) else ""
    pattern = draft.blueprints.get(name)
    if pattern is not None:
        draft.patterns.pop(name, None)
        flow = document.node.get("flow")
        made_into = flow.text if isinstance(flow, ScalarNode) else document.path
        return replace(document, node=made(pattern, document.node, made_into, reader))
    known = draft.declared.of("blueprint")
    if name and name not in known and "blueprint" not in draft.declared.open:
        help = suggest(name, known, lead="blueprints are")
        reader.report(said.mark, "CLM243", f'unknown blueprint "{name[:60]}"', help=help)
    reader.complete = False
    return document


def _read_flow(document: Document, reader: PlaybookReader, draft: Draft) -> None:
    document = _made(document, reader, draft)
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
    "channels": _read_channels,
    "flow": _read_flow,
    "blueprint": _read_blueprint,
    "shared": _read_shared,
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
