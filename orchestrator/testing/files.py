"""Test files: which there are, what they say, and which of their tests are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.nearest import did_you_mean
from orchestrator.language.nodes import MapNode, Node, describe
from orchestrator.language.reader import Invalid, Reader, part_of
from orchestrator.language.sentences import read_sentence
from orchestrator.playbook.model import FlowTest, FlowTests
from orchestrator.playbook.text import LARGEST_PLAYBOOK, decode
from orchestrator.playbook.yaml_text import read_yaml

FOLDER = Path("tests") / "playbooks"
SUFFIXES = (".test.yaml", ".test.yml")


@dataclass
class Sources:
    """What the test files of a project say, as far as it can be understood."""

    tests: list[FlowTest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Path below the project → text."""


def read_tests(project: Path, asked: Sequence[str]) -> Sources:
    """Read the test files of a project, or those asked for.

    Args:
        asked: files or folders, below here or below the project, each perhaps with
            ``::NAME``; none at all is the folder ``tests/playbooks``.
    Raises:
        UsageError: there is no such file, or no test of that name.
    """
    sources = Sources()
    for written in asked or [""]:
        place, colons, name = written.partition("::")
        found = Sources()
        for path in _files(project, place):
            _read(path, project, found)
        if colons:
            found.tests = _named(found, name)
        _add(found, sources)
    return sources


def _add(found: Sources, sources: Sources) -> None:
    sources.texts |= found.texts
    sources.problems += [one for one in found.problems if one not in sources.problems]
    known = {(test.mark.path, test.test) for test in sources.tests}
    sources.tests += [one for one in found.tests if (one.mark.path, one.test) not in known]


def _named(found: Sources, name: str) -> list[FlowTest]:
    chosen = [test for test in found.tests if test.test == name]
    if not chosen and not found.problems:
        names = [test.test for test in found.tests]
        listed = f"tests there are: {', '.join(names) or 'none'}"
        raise UsageError(f'there is no test "{name}"', help=did_you_mean(name, names) + listed)
    return chosen


def _files(project: Path, place: str) -> list[Path]:
    if not place:
        return _below(project / FOLDER)
    found = [one for one in (Path.cwd() / place, project / place) if one.exists()]
    inside = [one for one in found if one.resolve().is_relative_to(project.resolve())]
    if inside:
        return _below(inside[0]) if inside[0].is_dir() else [inside[0]]
    if found:
        raise UsageError(f"{place} is not part of the project {project}")
    raise UsageError(
        f"there is no file {place}", help=f"tests are files {FOLDER.as_posix()}/*{SUFFIXES[0]}"
    )


def _below(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name.endswith(SUFFIXES) and path.is_file() and not path.name.startswith(".")
    )


def _read(path: Path, project: Path, sources: Sources) -> None:
    name = path.resolve().relative_to(project.resolve()).as_posix()
    text = decode(path.read_bytes()[: LARGEST_PLAYBOOK + 1], name, largest=LARGEST_PLAYBOOK)
    if isinstance(text, Problem):
        sources.problems.append(text)
        return
    sources.texts[name] = text
    tests, problems = read_text(text, name)
    sources.tests += tests
    sources.problems += problems


def read_text(text: str, path: str) -> tuple[list[FlowTest], list[Problem]]:
    """Return the sound tests of one file, and what is wrong with it."""
    problems: list[Problem] = []
    node = read_yaml(text, path, problems)
    doubtful = {problem.mark for problem in problems}
    tests: list[FlowTest] = []
    if node is not None:
        reader = Reader()
        tests = [test for test in _tests(node, reader) if test.unread is None]
        problems += [one for one in reader.problems if one.mark not in doubtful]
    broken = any(problem.severity == "error" for problem in problems)
    return ([] if broken else tests), problems + list(_twice(tests))


def _tests(node: Node, reader: Reader) -> list[FlowTest]:
    if not isinstance(node, MapNode):
        message = f"a test file is a mapping of words, here is {describe(node)}"
        reader.report(node.mark, "CLM117", message, help='it begins with "test:" or "tests:"')
        return []
    if node.get("tests") is not None:
        read = read_sentence(FlowTests, node, reader, place="a file of tests")
        return [test for test in part_of(read).tests or () if isinstance(test, FlowTest)]
    one = read_sentence(FlowTest, node, reader, place="a test")
    return [] if isinstance(one, Invalid) else [one]


def _twice(tests: Sequence[FlowTest]) -> Iterator[Problem]:
    first: dict[str, Mark] = {}
    for test in tests:
        mark = test.mark_at("test")
        if test.test in first:
            message = f'there is another test "{test.test}" in this file, at {first[test.test]}'
            yield Problem(mark, "CLM212", message, "give each test a name of its own")
        first.setdefault(test.test, mark)
