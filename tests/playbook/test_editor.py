"""An editor marks what the reader refuses, and nothing else.

``docs/editor.md`` says how to run these cases through the real yaml-language-server:
with ``CLM_YAML_LANGUAGE_SERVER`` they go through it, without it through jsonschema.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from language_server import LanguageServer
from plain_values import plain

from orchestrator.language.marks import Problem
from orchestrator.language.nodes import MapNode, Node
from orchestrator.language.reader import Reader
from orchestrator.language.sentences import read_sentence
from orchestrator.playbook.documents import KINDS
from orchestrator.playbook.schema import DOCUMENTS, schemas
from orchestrator.playbook.yaml_text import read_yaml

HERE = Path(__file__).parent / "editor"
SCHEMA = Path(__file__).parents[2] / "schemas" / "playbook.schema.json"
VALIDATOR = Draft7Validator(schemas()["playbook.schema.json"])


def _cases(file: str) -> list[Any]:
    parts = re.split(r"^--- (.+)\n", (HERE / file).read_text("utf-8"), flags=re.MULTILINE)
    return [
        pytest.param(text, id=name) for name, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


SOUND = _cases("sound.txt")
TYPOS = _cases("typos.txt")


def _lines_refused(text: str) -> set[int]:
    """Return the lines on which the reader finds something wrong with words or shapes."""
    problems: list[Problem] = []
    node = read_yaml(text, "x.yaml", problems)
    reader = Reader(variables=_variables(node), problems=problems)
    if isinstance(node, MapNode):
        kinds = [KINDS[key.text] for key, _ in node.items if key.text in KINDS]
        if kinds:
            read_sentence(DOCUMENTS[kinds[0]], node, reader, place="a file")
        else:
            reader.report(node.mark, "CLM104", "unknown kind of file")
    return {problem.mark.line for problem in problems if problem.severity == "error"}


def _variables(node: Node | None) -> dict[str, Node]:
    found = node.get("vars") if isinstance(node, MapNode) else None
    items = found.items if isinstance(found, MapNode) else ()
    return {key.text: value for key, value in items}


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_file_pleases_reader_and_schema(text: str) -> None:
    assert _lines_refused(text) == set()
    assert list(VALIDATOR.iter_errors(plain(read_yaml(text, "x.yaml", [])))) == []


@pytest.mark.parametrize("text", TYPOS)
def test_a_typo_is_refused_by_reader_and_schema(text: str) -> None:
    assert _lines_refused(text)
    assert list(VALIDATOR.iter_errors(plain(read_yaml(text, "x.yaml", []))))


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer | None]:
    program, node = os.environ.get("CLM_YAML_LANGUAGE_SERVER"), shutil.which("node")
    if program is None or node is None:
        yield None
        return
    with LanguageServer(node, Path(program), SCHEMA) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("text", [*SOUND, *TYPOS])
def test_an_editor_marks_a_line_that_the_reader_refuses(
    text: str, server: LanguageServer | None
) -> None:
    refused = _lines_refused(text)
    if server is None:
        marked = list(VALIDATOR.iter_errors(plain(read_yaml(text, "x.yaml", []))))
        assert bool(marked) == bool(refused)
        return
    found = server.diagnostics(text)
    lines = {line for line, _ in found}
    assert bool(found) == bool(refused), found
    assert not refused or lines & {near for line in refused for near in (line - 1, line)}, found
