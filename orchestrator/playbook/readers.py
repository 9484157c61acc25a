"""What each kind of document says: its sentences, as far as they are sound, into the draft."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.language.names import Name
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader, part_of, suggest
from orchestrator.language.sentences import SentenceOf, read_sentence
from orchestrator.language.words import words_of
from orchestrator.playbook.blueprints import Pattern, made, wrong_inputs
from orchestrator.playbook.documents import KINDS
from orchestrator.playbook.draft import Document, Draft
from orchestrator.playbook.mending import mended, sound_words
from orchestrator.playbook.model import (
    Blueprint,
    Catalog,
    ChannelsFile,
    Flow,
    Project,
    Segment,
    SegmentsFile,
    SharedFile,
    StagesFile,
)
from orchestrator.playbook.model.blueprint import BlueprintHead
from orchestrator.playbook.places import NOWHERE, is_whole, parts_of_flow
from orchestrator.playbook.variables import PlaybookReader, own_variables


def read_document(document: Document, draft: Draft) -> None:
    """Read a document with the variables in force in it, and add what it says to the draft."""
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
