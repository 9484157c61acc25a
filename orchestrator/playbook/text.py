"""Files of a project as text: what is no plain UTF-8 text is refused with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.language.marks import Mark, Problem

LARGEST_PLAYBOOK = 256 * 1024
LARGEST_TEMPLATE = 512 * 1024

_CONFLICT = re.compile(r"^(<{7}|>{7}|\|{7})( |$)|^={7}$", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
_OVERRIDE = re.compile("[\u202a-\u202e\u2066-\u2069]")
HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Characters that nobody sees: soft hyphens, zero-width and direction marks."""


def decode(content: bytes, path: str, *, largest: int = LARGEST_PLAYBOOK) -> str | Problem:
    """Return a file's text with line feeds and no byte order mark, or what is wrong."""
    start = Mark(path, 1, 1)
    if len(content) > largest:
        return Problem(
            start,
            "CLM111",
            f"the file is too large, at most {largest // 1024} KB",
            "split it: every file under playbooks/ is read",
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or content[1:2] == b"\0":
        return Problem(start, "CLM110", "the file is UTF-16 text", "save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace").replace("\r\n", "\n")
        return Problem(_place(path, before, len(before)), "CLM110", *_NOT_UTF8)
    return _checked(text.replace("\r\n", "\n"), path)


_NOT_UTF8 = ("the file is not UTF-8 text from here on", "save it as UTF-8")


def _checked(text: str, path: str) -> str | Problem:
    if found := _CONTROL.search(text):
        return Problem(_place(path, text, found.start()), "CLM110", *_control(found[0]))
    if found := _OTHER_BREAKS.search(text):
        name = f"U+{ord(found[0]):04X}"
        help = f'write "\\u{ord(found[0]):04x}" inside double quotes if it is meant'
        message = f"the invisible line break {name} is not allowed"
        return Problem(_place(path, text, found.start()), "CLM110", message, help)
    return text


def _control(character: str) -> tuple[str, str]:
    if character == "\r":
        return (
            "a line ends with a carriage return alone",
            "save the file with line ends LF (or CRLF)",
        )
    name = "NUL" if character == "\0" else f"U+{ord(character):04X}"
    return f"the control character {name} is not allowed", "remove it; it cannot be seen"


def suspicious(text: str, path: str) -> Iterator[Problem]:
    """Yield what makes a text unfit to be read as YAML: half-merged, or made to deceive."""
    if found := _CONFLICT.search(text):
        yield Problem(
            _place(path, text, found.start(), len(found[0].strip())),
            "CLM113",
            "a merge is half done: this is a conflict marker of git",
            "keep one of the two versions and remove the lines <<<<<<<, ======= and >>>>>>>",
        )
    for found in _OVERRIDE.finditer(text):
        code = ord(found[0])
        yield Problem(
            _place(path, text, found.start()),
            "CLM112",
            f"the character U+{code:04X} changes the direction of the text it stands in",
            f'remove it, or write "\\u{code:04x}" inside double quotes if it is meant',
        )


def _place(path: str, text: str, index: int, length: int = 1) -> Mark:
    line_start = text.rfind("\n", 0, index) + 1
    return Mark(path, text.count("\n", 0, index) + 1, index - line_start + 1, length)
