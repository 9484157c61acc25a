"""``# clm: ignore CLM412 reason``: warnings that somebody has looked at and answered for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.reader import suggest

_COMMENT = re.compile(r"#\s*clm:\s*ignore\b(?P<rest>[^\n]*)")
_SAID = re.compile(r"\s+(?P<codes>CLM[0-9]{3}(?:\s*,\s*CLM[0-9]{3})*)\b(?P<reason>.*)\Z")
_SAMPLE = "write it like: # clm: ignore CLM410 the whole team answers for it"


@dataclass(frozen=True)
class Ignores:
    """The (path, line, code) that are silenced, and the comments that silence nothing."""

    silenced: frozenset[tuple[str, int, str]]
    problems: tuple[Problem, ...]

    def left(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """Yield the problems that are not silenced; an error never is."""
        for problem in problems:
            place = (problem.mark.path, problem.mark.line, problem.code)
            if problem.severity == "error" or place not in self.silenced:
                yield problem


def find_ignores(texts: Mapping[str, str]) -> Ignores:
    """Find the comments; one on a line of its own speaks of the next line."""
    silenced: set[tuple[str, int, str]] = set()
    problems: list[Problem] = []
    for path, text in texts.items():
        if "clm:" not in text:
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            found = _COMMENT.search(line)
            if found is None:
                continue
            mark = Mark(path, number, found.start() + 1, len(found[0].rstrip()))
            about = number if line[: found.start()].strip(" {") else number + 1
            codes = _codes(found["rest"], mark, problems)
            silenced.update((path, about, code) for code in codes)
    return Ignores(frozenset(silenced), tuple(problems))


def _codes(rest: str, mark: Mark, problems: list[Problem]) -> list[str]:
    said = _SAID.match(rest)
    if said is None:
        problems.append(Problem(mark, "CLM120", "this comment names no code to ignore", _SAMPLE))
        return []
    from orchestrator.language.codes import CODES  # few projects silence anything

    codes = re.split(r"\s*,\s*", said["codes"])
    for code in codes:
        if code not in CODES:
            help = suggest(code, CODES, lead="codes are")
            problems.append(Problem(mark, "CLM120", f"there is no code {code}", help))
    if not said["reason"].strip(" :-#}"):
        message = f"this comment does not say why {said['codes']} may be ignored"
        problems.append(Problem(mark, "CLM120", message, _SAMPLE))
        return []
    return codes
