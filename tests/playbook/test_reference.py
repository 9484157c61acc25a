"""The reference pages are complete, and what they show reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.criteria.base import conditions
from orchestrator.criteria.measures import MEASURES
from orchestrator.flow.base import starts, steps
from orchestrator.gate.reasons import REASONS
from orchestrator.language.codes import CODES
from orchestrator.language.families import Family, Headed
from orchestrator.language.marks import Problem
from orchestrator.language.nodes import ListNode, MapNode, Node
from orchestrator.language.reader import Reader
from orchestrator.language.sentences import read_sentence
from orchestrator.language.words import Sentence, Word, words_of
from orchestrator.playbook import reference_examples as examples
from orchestrator.playbook.model import (
    Blueprint,
    Catalog,
    ChannelsFile,
    Flow,
    FlowTest,
    Guardrails,
    MessageFile,
    Project,
    SegmentsFile,
    StagesFile,
)
from orchestrator.playbook.reference import pages, stale_files, vocabulary
from orchestrator.playbook.variables import PlaybookReader
from orchestrator.playbook.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
FAMILIES: dict[str, Family[Headed]] = {
    "conditions.md": conditions(),  # type: ignore[dict-item]  # a family of Headed
    "steps.md": steps(),  # type: ignore[dict-item]  # a family of Headed
    "starts.md": starts(),  # type: ignore[dict-item]  # a family of Headed
    "catalog.md": MEASURES,  # type: ignore[dict-item]  # a family of Headed
}
KINDS = [
    (page, family, kind)
    for page, family in FAMILIES.items()
    for kind in dict.fromkeys(family.kinds.values())
]
DOCUMENTS: list[tuple[examples.Example, type[Sentence]]] = [
    (examples.FLOW, Flow),
    (examples.BLUEPRINT, Blueprint),
    (examples.PROJECT, Project),
    (examples.CATALOG, Catalog),
    (examples.CHANNELS, ChannelsFile),
    (examples.STAGES, StagesFile),
    (examples.SEGMENTS, SegmentsFile),
    (examples.MESSAGE, MessageFile),
    (examples.GUARDRAILS, Guardrails),
    (examples.TEST, FlowTest),
]
WORDS = [(cls, word) for cls in vocabulary() for word in words_of(cls).values() if word.available]


def _node(text: str) -> Node:
    problems: list[Problem] = []
    node = read_yaml(text, "example.yaml", problems)
    assert problems == []
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("page", "family", "kind"), KINDS, ids=lambda value: getattr(value, "__name__", None)
)
def test_each_kind_has_a_doc_line_and_an_example_that_reads(
    page: str, family: Family[Headed], kind: type[Headed]
) -> None:
    assert kind.__doc__
    assert kind.operand_doc
    node = _node(kind.example)
    assert isinstance(node, ListNode)
    reader = Reader()
    read = [family.read(item, reader) for item in node.items]
    assert reader.problems == []
    assert {type(sentence) for sentence in read} == {kind}
    assert all(f"`{head}`" in pages()[page] for head in kind.heads)
    assert kind.example.strip() in pages()[page]


@pytest.mark.parametrize(("cls", "word"), WORDS, ids=lambda value: getattr(value, "key", None))
def test_each_word_has_a_sample_that_its_shape_reads(cls: type[Sentence], word: Word) -> None:
    assert word.doc.endswith((".", "…"))
    node = _node(examples.sample(word.key, word.shape))
    assert isinstance(node, MapNode)
    reader = Reader()
    word.shape.read(node.items[0][1], reader)
    assert reader.problems == []


@pytest.mark.parametrize(
    ("example", "cls"), DOCUMENTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_each_documents_example_reads(example: examples.Example, cls: type[Sentence]) -> None:
    node = _node(example.yaml)
    assert isinstance(node, MapNode)
    reader = PlaybookReader(unspoken=frozenset(("lapse", "offer")))
    read_sentence(cls, node, reader, place="the example")
    assert reader.problems == []


@pytest.mark.parametrize("page", FAMILIES)
def test_words_of_later_versions_are_listed_as_such(page: str) -> None:
    for head in FAMILIES[page].later:
        assert f"`{head}`" in pages()[page].partition("## Not available yet")[2]


def test_every_code_and_reason_has_its_place_on_the_page() -> None:
    page = pages()["codes.md"]
    assert [code for code in CODES if f"### {code}\n" not in page] == []
    assert [code for code in REASONS if f"| `{code}` |" not in page] == []


def test_the_pages_in_the_repository_are_fresh() -> None:
    assert stale_files(ROOT) == []
