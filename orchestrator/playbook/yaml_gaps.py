"""What stands between the scalars of a YAML text, where it does harm: tabs, cutting comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from orchestrator.playbook.yaml_errors import Diagnosis, tab

_COMMENT = re.compile(r"#[^\n]*")


def first_tab(text: str, scalars: Iterable[tuple[int, int]]) -> Iterator[Diagnosis]:
    """Yield the first tab that is neither inside a scalar nor in a comment, if there is one.

    Args:
        scalars: [start, end) of every scalar, as character indexes, in their order.
    """
    if "\t" not in text:
        return
    end = 0
    for start, next_end in (*scalars, (len(text), len(text))):
        gap = _COMMENT.sub(_blank, text[end:start])
        if "\t" in gap:
            place = end + gap.index("\t")
            line = text.count("\n", 0, place)
            yield tab(line, place - text.rfind("\n", 0, place) - 1)
            return
        end = max(end, next_end)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def cut_prose(text: str, prose: Iterable[tuple[int, int]]) -> Iterator[Diagnosis]:
    """Yield the comments that cut a text for people short without a word.

    Args:
        prose: (end, line) of its plain scalars, as a character index and counted from 0.
    """
    lines = text.split("\n")
    for end, line in prose:
        rest = text[end : end + len(lines[line])].split("\n", 1)[0]
        comment = rest.strip()
        if comment.startswith("#") and not comment.lstrip("# ").startswith("clm:"):
            yield Diagnosis(
                line,
                len(lines[line]) - len(rest.lstrip()),
                "CLM114",
                "the text ends before this comment",
                "if it belongs to the text, put all of it in quotes" + _quoted(lines[line]),
                len(comment),
                "warning",
            )


def _quoted(line: str) -> str:
    word, colon, rest = line.strip().partition(": ")
    return f': {word}: "{rest}"' if colon and '"' not in rest else ""
