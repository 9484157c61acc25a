"""Problems as output: for people, for scripts, for pull requests, for code scanning."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from orchestrator.language.marks import Problem
from orchestrator.playbook.withheld import is_withheld

FORMATS = ("human", "json", "github", "sarif")
_WIDEST = 160
_SECRET = "CLM115"  # noqa: S105  # a code
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning"}


def report(problems: Sequence[Problem], texts: Mapping[str, str], form: str) -> Iterator[str]:
    """Yield the lines of a report.

    Args:
        texts: path → text, for the lines that problems are about.
        form: one of ``FORMATS``.
    """
    if form == "human":
        yield from human(problems, texts)
    elif form == "github":
        yield from github(problems)
    else:
        document = as_json(problems) if form == "json" else as_sarif(problems)
        yield json.dumps(document, ensure_ascii=False, indent=2)


# --- human -----------------------------------------------------------------------------


def human(problems: Iterable[Problem], texts: Mapping[str, str]) -> Iterator[str]:
    """Yield each problem with its line, a caret below it, and what would be right."""
    lines: dict[str, list[str]] = {}
    listed = list(problems)
    for problem in listed:
        path = problem.mark.path
        if path not in lines:
            lines[path] = _without_secrets(path, texts, listed) if path in texts else []
        yield headline(problem)
        yield from _excerpt(problem, lines[path])
        if problem.help:
            yield f"  = help: {_printable(problem.help)}"
        yield ""


def _without_secrets(path: str, texts: Mapping[str, str], problems: Iterable[Problem]) -> list[str]:
    """Return the lines of a file with stars where a problem says that a secret stands.

    Those of ``channels.yaml`` are not shown at all.
    """
    if is_withheld(path, texts[path]):
        return []
    lines = texts[path].split("\n")
    for problem in problems:
        mark = problem.mark
        if problem.code == _SECRET and mark.path == path and 1 <= mark.line <= len(lines):
            line, begin = lines[mark.line - 1], mark.column - 1
            stars = "*" * len(line[begin : begin + mark.length])
            lines[mark.line - 1] = line[:begin] + stars + line[begin + mark.length :]
    return lines


def headline(problem: Problem) -> str:
    """Return ``path:line:column: error[CLM104]: message``."""
    mark = problem.mark
    place = f"{mark.path}:{mark.line}:{mark.column}"
    return _printable(f"{place}: {problem.severity}[{problem.code}]: {problem.message}")


def _excerpt(problem: Problem, lines: Sequence[str]) -> Iterator[str]:
    mark = problem.mark
    if not 1 <= mark.line <= len(lines) or not lines[mark.line - 1].strip():
        return
    line = lines[mark.line - 1]
    first = max(0, mark.column - 1 - _WIDEST // 2) if len(line) > _WIDEST else 0
    shown = line[first : first + _WIDEST]
    lead = "…" if first else ""
    length = max(1, min(mark.length, len(shown) - (mark.column - 1 - first)))
    number = str(mark.line)
    margin = " " * len(number)
    before = _blank(lead + shown[: mark.column - 1 - first])
    yield f"{margin} |"
    yield f"{number} | {lead}{_printable(shown)}"
    yield f"{margin} | {before}{'^' * length}"


def _printable(text: str) -> str:
    """Return a text that cannot act on a terminal; tabs and odd characters become spaces."""
    return "".join(char if char.isprintable() else " " for char in text)


def _blank(text: str) -> str:
    """Return as many columns of space as a text takes on a terminal."""
    return "".join(
        "" if unicodedata.combining(char) else "  " if _is_wide(char) else " " for char in text
    )


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in ("W", "F")


def summary(problems: Iterable[Problem], files: int) -> str:
    """Return the closing line: how many problems in how many files."""
    counts = {"error": 0, "warning": 0}
    for problem in problems:
        counts[problem.severity] += 1
    looked = f"{files} file{'s' if files != 1 else ''} checked"
    if not any(counts.values()):
        return f"{looked}: no problems"
    told = [f"{count} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count]
    return f"{looked}: {', '.join(told)}"


# --- machines --------------------------------------------------------------------------


def as_json(problems: Iterable[Problem]) -> dict[str, Any]:
    """Return the document ``clmctl.check/1``."""
    return {
        "format": "clmctl.check/1",
        "problems": [
            {
                "path": problem.mark.path,
                "line": problem.mark.line,
                "column": problem.mark.column,
                "severity": problem.severity,
                "code": problem.code,
                "message": problem.message,
                "help": problem.help,
            }
            for problem in problems
        ],
    }


def github(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield workflow commands, which become annotations of a pull request.

    Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    """
    for problem in problems:
        mark = problem.mark
        told = problem.message + (f"\nhelp: {problem.help}" if problem.help else "")
        yield (
            f"::{problem.severity} file={_property(mark.path)},line={mark.line},"
            f"col={mark.column},endColumn={mark.column + mark.length},"
            f"title={_property(problem.code)}::{_message(told)}"
        )


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(problems: Iterable[Problem]) -> dict[str, Any]:
    """Return a SARIF 2.1.0 log (docs.oasis-open.org/sarif/sarif/v2.1.0)."""
    listed = list(problems)
    codes = sorted({problem.code for problem in listed})
    rules = [_rule(code) for code in codes]
    driver = {"name": "clmctl", "rules": rules}
    results = [_result(problem, codes.index(problem.code)) for problem in listed]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    from orchestrator.language.codes import CODES  # most reports need no more than the codes

    known = CODES[code]
    return {
        "id": code,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.text},
        "help": {"text": f"Wrong:\n{known.wrong}\n\nRight:\n{known.right}"},
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    mark = problem.mark
    region = {
        "startLine": mark.line,
        "startColumn": mark.column,
        "endColumn": mark.column + mark.length,
    }
    artifact = {"uri": _uri(mark.path), "uriBaseId": "%SRCROOT%"}
    told = problem.message + (f" ({problem.help})" if problem.help else "")
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": told},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
    }


def _uri(path: str) -> str:
    return quote(path)
