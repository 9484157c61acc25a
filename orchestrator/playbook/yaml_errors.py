"""What a YAML scanner's complaint means for the line it was made about, in plain words."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from orchestrator.language.marks import Severity


class Diagnosis(NamedTuple):
    """One sentence about a broken line. ``line`` and ``column`` count from 0."""

    line: int
    column: int
    code: str
    message: str
    help: str | None = None
    length: int = 1
    severity: Severity = "error"


_OPENING = re.compile(r"(?:^|[:\-,\[{]\s+|\[)\s*(\{\{|\{%|\{#)")
_SAID = re.compile(r"^(\s*(?:- +)*(?:[^\s:#'\"{}\[\],]+: +)?)(.*?)(\s+#.*)?$")
_NO_PLACE = re.compile(r"(?:^|[\s{,\[])(env|file):(?=\s*(?:[,}\]]|$))")
_NO_SPACE = re.compile(r"^\s*(?:- +)*([A-Za-z_][\w-]*):(?=[^\s:/])")


def diagnose(error: yaml.MarkedYAMLError, lines: list[str]) -> Diagnosis:
    """Return what is wrong with the text that PyYAML could not read."""
    problem = (error.problem or str(error)).lower()
    context = (error.context or "").lower()
    line, column = _place(error.problem_mark, lines)
    begun = _place(error.context_mark, lines)
    if found := _unnamed_place(lines, line):
        return found
    if "quoted scalar" in context and "end of stream" in problem:
        return Diagnosis(*begun, "CLM100", "this quotation mark is never closed")
    if found := _unquoted_template(lines, {line, begun[0]}):
        return found
    if "escape" in problem:
        return _escape(lines, line, column)
    if "cannot start any token" in problem or "tab character" in problem:
        return _first_character(lines, line, column)
    if "not allowed" in problem and "mapping values" in problem:
        return _second_colon(lines, line, column)
    if "entries are not allowed" in problem:
        message = 'a list cannot begin on the line of its word; begin a new line with "- "'
        return Diagnosis(line, column, "CLM100", message)
    if "flow" in context and ("expected" in problem):
        return _unclosed(lines, line, column, begun)
    if "alias" in context or "anchor" in context:
        return Diagnosis(
            *begun, "CLM103", *quote_line(lines, begun[0], "&" if "anchor" in context else "*")
        )
    if "directive" in context or "directive" in problem:
        message = "a line cannot begin with %"
        return Diagnosis(line, 0, "CLM103", message, "put the text in quotes")
    if "node content" in problem:
        return _node_content(lines, line, column)
    return _misfit(lines, line, column, begun)


def _unnamed_place(lines: list[str], line: int) -> Diagnosis | None:
    """Return what is said of ``env:`` with nothing behind it, which YAML takes for a word."""
    found = _NO_PLACE.search(lines[line])
    if found is None or not lines[line][: found.start(1)].rstrip().endswith(":"):
        return None
    place, what = found[1], {"env": "NAME", "file": "path"}[found[1]]
    message = f'nothing stands behind "{place}:"'
    help = f"write {place}:{what}, without a space"
    return Diagnosis(line, found.start(1), "CLM100", message, help, len(place) + 1)


def quote_line(lines: list[str], line: int, first: str) -> tuple[str, str]:
    """Return (message, help with the corrected line) for text that needs quotes."""
    return f"text that starts with {first} must be in quotes", _corrected(lines[line])


def _corrected(line: str) -> str:
    found = _SAID.match(line)
    if (
        found is None
        or not found[2]
        or (found[2][0] in "[{" and not found[2].startswith(("{{", "{%", "{#")))
    ):
        return "put the text in quotes"
    value = found[2]
    quoted = f'"{value}"' if '"' not in value else "'" + value.replace("'", "''") + "'"
    return f"write: {found[1].strip()} {quoted}".replace(":  ", ": ")


def _unquoted_template(lines: list[str], numbers: set[int]) -> Diagnosis | None:
    for number in sorted(numbers, reverse=True):
        if found := _OPENING.search(lines[number]):
            message, help = quote_line(lines, number, found[1])
            return Diagnosis(number, found.start(1), "CLM103", message, help, 2)
    return None


def _escape(lines: list[str], line: int, column: int) -> Diagnosis:
    start = lines[line].rfind("\\", 0, column + 1)
    written = lines[line][start : start + 2]
    message = f'"{written}" means nothing inside double quotes'
    return Diagnosis(line, max(start, 0), "CLM100", message, "use single quotes, or write \\\\", 2)


def _first_character(lines: list[str], line: int, column: int) -> Diagnosis:
    character = lines[line][column : column + 1]
    if character == "\t" or "\t" in lines[line][: column + 1]:
        return tab(line, lines[line].index("\t"))
    return Diagnosis(line, column, "CLM103", *quote_line(lines, line, character))


def tab(line: int, column: int) -> Diagnosis:
    """Return what is said about a tab outside of texts."""
    return Diagnosis(
        line, column, "CLM100", "a tab stands here", "indent with spaces, never with tabs"
    )


def _second_colon(lines: list[str], line: int, column: int) -> Diagnosis:
    found = _SAID.match(lines[line])
    if found and ":" in found[2] and found[1].rstrip().endswith(":") and column > len(found[1]):
        message = "text with a colon and a space in it must be in quotes"
        return Diagnosis(line, column, "CLM103", message, _corrected(lines[line]))
    if line and (glued := _NO_SPACE.match(lines[line - 1])):
        return _no_space(line - 1, glued)
    if line and lines[line - 1].strip() and not _has_shape(lines[line - 1]):
        return _no_colon(line - 1, lines[line - 1])
    return Diagnosis(
        line,
        _indent(lines[line]),
        "CLM100",
        "this line does not fit to the line above",
        "indent it like its neighbours; a word with a value of its own takes nothing below it",
    )


def _unclosed(lines: list[str], line: int, column: int, begun: tuple[int, int]) -> Diagnosis:
    bracket = lines[begun[0]][begun[1] : begun[1] + 1]
    closing = {"[": "]", "{": "}"}.get(bracket, "]")
    if line == begun[0]:
        help = "text with one of , [ ] { } or a quotation mark in it must be in quotes here"
        return Diagnosis(line, column, "CLM100", f'expected "," or "{closing}" here', help)
    return Diagnosis(
        *begun, "CLM100", f'this "{bracket}" is never closed', f'a "{closing}" is missing'
    )


def _node_content(lines: list[str], line: int, column: int) -> Diagnosis:
    character = lines[line][column : column + 1]
    return Diagnosis(line, column, "CLM103", *quote_line(lines, line, character))


def _misfit(lines: list[str], line: int, column: int, begun: tuple[int, int]) -> Diagnosis:
    text = lines[line]
    if (column and text[column - 1 : column] in ("'", '"')) or text[:column].rstrip()[-1:] in (
        "'",
        '"',
    ):
        message = "text goes on after the closing quotation mark"
        return Diagnosis(line, column, "CLM100", message, "put the whole text inside the quotes")
    for number in (begun[0], line):
        if found := _NO_SPACE.match(lines[number]):
            return _no_space(number, found)
    if text.lstrip().startswith(":"):
        return Diagnosis(line, column, "CLM100", "a word is missing before the colon")
    if begun[0] < line and not _has_shape(lines[begun[0]]):
        line, text = begun[0], lines[begun[0]]
    if not _has_shape(text):
        return _no_colon(line, text)
    help = "indent it exactly like the lines it belongs to"
    return Diagnosis(
        line, _indent(text), "CLM100", "this line's indentation fits to no line above", help
    )


def _no_space(line: int, found: re.Match[str]) -> Diagnosis:
    message = f'a space is missing after "{found[1]}:"'
    return Diagnosis(line, found.start(1), "CLM100", message, None, len(found[1]) + 1)


def _no_colon(line: int, text: str) -> Diagnosis:
    message = 'a word and a colon are missing: a line is "word: value" or "- item"'
    return Diagnosis(line, _indent(text), "CLM100", message, None, len(text.strip()))


def _has_shape(line: str) -> bool:
    return ":" in line or line.lstrip().startswith("- ")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _place(mark: yaml.Mark | None, lines: list[str]) -> tuple[int, int]:
    if mark is None:
        return 0, 0
    line = min(mark.line, len(lines) - 1)
    while line and not lines[line].strip():
        line -= 1
    return line, mark.column if line == mark.line else max(len(lines[line]) - 1, 0)
