"""What is never repeated of ``channels.yaml``: whatever may be a secret that was pasted into it.

Its problems are told by place and message, without the line. A message keeps the words of the
file, and values under words that hold no secret; every other value is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from orchestrator.language.marks import Problem

_FILE = re.compile(r"(?:\A|/)channels\.ya?ml\Z")
_BEGINS = re.compile(r"^(?:\{[ ]*)?[\"']?channels[\"']?[ ]*:", re.MULTILINE)
_SHOWN = frozenset(
    (
        "adapter", "provider", "type", "rate", "limit", "burst", "at_once", "concurrency",
        "on_in_doubt", "marketing", "transactional", "host", "server", "port", "tls", "ssl",
        "connections", "ehlo", "domain", "selector", "return_path", "region", "folder", "every",
        "timezone", "url", "from", "font", "allow", "contact", "valid_for", "timeout", "format",
        "messaging_service", "phone_number_id", "platforms", "list", "lists", "include", "expires",
    )
)  # fmt: skip
"""Words whose values are shown, as long as they hold no login."""
_SAID = re.compile(
    r"""["']?([A-Za-z_][\w-]*)["']?[ ]*:[ ]+('[^'\n]*'|\[[^\]\n]*\]|[^,{}\[\]\n]+)"""
)
_KEY = re.compile(r"""(?:^|[\s,{])["']?([A-Za-z_][\w-]{0,30})["']?[ ]*:(?=\s|$)""", re.MULTILINE)
_BETWEEN = re.compile(r"[\s,{}\[\]\"']+")
_LEAST = 3
"""Texts that are shorter are no secrets."""
_BEGINNING = 8
"""So much of a long text is looked for, since messages cut what is long."""
_PLAIN = re.compile(r"[a-z]{1,8}\Z")
_OPTION = re.compile(r"write: .*\Z", re.DOTALL)


def is_withheld(path: str, text: str | None) -> bool:
    """Return whether the lines of a file are never shown."""
    return bool(_FILE.search(path)) or (text is not None and bool(_BEGINS.search(text)))


def without_secrets(problems: Iterable[Problem], texts: Mapping[str, str]) -> Iterator[Problem]:
    """Yield problems, those of channels without what may be a secret."""
    found: dict[str, re.Pattern[str] | None] = {}
    for problem in problems:
        path = problem.mark.path
        if path not in found:
            text = texts.get(path)
            found[path] = _doubtful(text) if text and is_withheld(path, text) else None
        pattern = found[path]
        yield problem if pattern is None else _told(problem, pattern)


def _told(problem: Problem, pattern: re.Pattern[str]) -> Problem:
    help = problem.help and _OPTION.sub("put the text in quotes", problem.help)
    return replace(
        problem, message=pattern.sub("…", problem.message), help=help and pattern.sub("…", help)
    )


def _doubtful(text: str) -> re.Pattern[str] | None:
    """Return what finds the values of a file that may be secrets, whole or cut; None if none is."""
    known = {key.casefold() for key in _KEY.findall(text)}
    shown = [said for word, said in _SAID.findall(text) if word in _SHOWN and "@" not in said]
    known |= {part.casefold() for said in shown for part in _parts(said)}
    doubtful = {
        part for part in _parts(text) if len(part) >= _LEAST and part.casefold() not in known
    }
    ordered = sorted(doubtful, key=lambda one: (-len(one), one))
    forms = [_form(one) for one in ordered]
    return re.compile("|".join(forms), re.IGNORECASE) if forms else None


def _parts(text: str) -> Iterator[str]:
    for part in _BETWEEN.split(text):
        yield part.removesuffix(":")


def _form(part: str) -> str:
    """Return the pattern of one value; a plain word only counts between quotation marks."""
    if _PLAIN.match(part):
        return rf'(?<="){part}(?=")'
    if len(part) <= _BEGINNING:
        return rf"(?<!\w){re.escape(part)}(?!\w)"
    return re.escape(part[:_BEGINNING]) + r"[^\"\s]*"
