from __future__ import annotations

import time
from decimal import Decimal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.language.marks import Problem
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.playbook import yaml_text
from orchestrator.playbook.yaml_text import read_yaml


def read(text: str) -> tuple[Node | None, list[Problem]]:
    problems: list[Problem] = []
    return read_yaml(text, "a.yaml", problems), problems


def value_of(written: str) -> object:
    node, problems = read(f"a: {written}\n")
    assert not problems
    assert isinstance(node, MapNode)
    scalar = node.get("a")
    assert isinstance(scalar, ScalarNode)
    return scalar.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("0", 0), ("-12", -12), ("2.50", Decimal("2.50")), ("-0.5", Decimal("-0.5")),
        ("NO", "NO"), ("yes", "yes"), ("off", "off"), ("22:00", "22:00"), ("1:30:00", "1:30:00"),
        ("01234", "01234"), ("1_000", "1_000"), ("2026-02-30", "2026-02-30"), ("1.2.3", "1.2.3"),
        ("+6281234567890", "+6281234567890"), ("'true'", "true"), ('"5"', "5"), ("=", "="),
        ("=1", "=1"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_a_scalar_means_what_it_looks_like(written: str, value: object) -> None:
    assert value_of(written) == value
    assert type(value_of(written)) is type(value)


def test_nodes_know_their_place() -> None:
    node, _ = read("# top\na:\n  - é x\n  - {b: 'two words'}\n")
    assert isinstance(node, MapNode)
    listed = node.get("a")
    assert isinstance(listed, ListNode)
    first, second = listed.items
    assert (first.mark.line, first.mark.column, first.mark.length) == (3, 5, 3)
    assert isinstance(second, MapNode)
    quoted = second.items[0][1]
    assert (quoted.mark.line, quoted.mark.column, quoted.mark.length) == (4, 9, 11)


def test_an_empty_value_is_placed_at_its_word() -> None:
    node, _ = read("steps:\n  - wait:\n")
    assert isinstance(node, MapNode)
    steps = node.get("steps")
    assert isinstance(steps, ListNode) and isinstance(steps.items[0], MapNode)
    empty = steps.items[0].items[0][1]
    assert (empty.mark.line, empty.mark.column, empty.mark.length) == (2, 5, 5)


@pytest.mark.parametrize("loader", ["SafeLoader", "CSafeLoader"])
@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a:\n\tb: 1\n", "CLM100", 2, 1),
        ("a:\tb\n", "CLM100", 1, 3),
        ("a: Hi: there\n", "CLM103", 1, 6),
        ("a: {{ b }} c\n", "CLM103", 1, 4),
        ("a: @b\n", "CLM103", 1, 4),
        ('a: "b\n', "CLM100", 1, 4),
        ("a: [b\nc: d\n", "CLM100", 1, 4),
        ("a: *b\n", "CLM102", 1, 4),
        ("a: b\na: c\n", "CLM101", 2, 1),
        ("a: b\n---\nc: d\n", "CLM116", 2, 1),
        ('a: "\\q"\n', "CLM100", 1, 5),
        ("- a\nb: c\n", "CLM100", 2, 1),
    ],
)
def test_both_parsers_say_the_same(
    monkeypatch: pytest.MonkeyPatch, loader: str, text: str, code: str, line: int, column: int
) -> None:
    monkeypatch.setattr(yaml_text, "_LOADER", getattr(yaml, loader))
    _, problems = read(text)
    found = [(each.code, each.mark.line, each.mark.column) for each in problems]
    assert found == [(code, line, column)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="brackets"),
        pytest.param("{a: " * 60_000, id="braces"),
        pytest.param("- " * 100_000, id="dashes"),
        pytest.param("? " * 100_000, id="question-marks"),
        pytest.param("a: " + "9" * 200_000, id="digits"),
        pytest.param("a: '" + "x\n" * 100_000, id="open-quote"),
        pytest.param("\n".join(f"k{n}: v" for n in range(20_000)), id="many-keys"),
        pytest.param("a: [" + "x," * 100_000 + "]", id="many-items"),
        pytest.param("{{" * 100_000, id="double-braces"),
        pytest.param("a: &x [" + "*x," * 50_000 + "]", id="aliases"),
        pytest.param("#" * 250_000, id="comment"),
        pytest.param("a: \t" * 50_000, id="tabs"),
        pytest.param(":" * 200_000, id="colons"),
    ],
)
def test_nothing_takes_long(text: str) -> None:
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 2


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=list("ab:-,[]{}'\"#&*!|>%@` \n\t?~1.e\\$<="), max_size=60))
def test_any_text_gives_a_node_or_a_problem(text: str) -> None:
    node, problems = read(text)
    assert node is not None or problems
    lines = text.split("\n")
    for problem in problems:
        assert 1 <= problem.mark.line <= len(lines)
        assert 1 <= problem.mark.column <= len(lines[problem.mark.line - 1]) + 1


def test_front_matter_counts_its_lines_from_the_file() -> None:
    problems: list[Problem] = []
    read_yaml("subject: Hi: there\n", "a.j2", problems, line=2)
    assert problems[0].mark.line == 2
