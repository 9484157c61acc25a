"""Which files of a project are documents, and of which kind: told by their first word."""

from __future__ import annotations

import re

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.nodes import MapNode, Node, ScalarNode, describe
from orchestrator.language.reader import suggest, surely_meant
from orchestrator.language.words import words_of
from orchestrator.playbook.draft import Document, Draft
from orchestrator.playbook.files import PLAYBOOKS, TEMPLATES
from orchestrator.playbook.including import MAY_HOLD, Including
from orchestrator.playbook.model import SharedFile
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


def documents_of(draft: Draft) -> list[Document]:
    """Return the files that are documents, those included too, and note which names are hidden."""
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
    for path in draft.files.unreadable:
        _hide(draft, () if path.startswith(f"{TEMPLATES}/") else tuple(_HIDES))
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
