"""What the verbs print with: messages, tables, numbers, times.

Results go to stdout with ``out``; everything said about them goes to stderr. Text that
comes from data is made printable first: no control character reaches a terminal.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

from orchestrator.cli.manner import is_terminal, manner

STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "error": "1;31",
    "warning": "1;33",
    "help": "36",
    "note": "2",
}


def out(line: str = "") -> None:
    """Print one line of a result to stdout."""
    sys.stdout.write(f"{line}\n")


def say(line: str = "") -> None:
    """Print a message to stderr, unless ``--quiet``."""
    if not manner.quiet:
        print(line, file=sys.stderr)


def note(line: str) -> None:
    """Print a side remark to stderr, unless ``--quiet``."""
    say(message_line("note", line))


def warn(line: str) -> None:
    """Print a warning to stderr, also with ``--quiet``."""
    print(message_line("warning", line), file=sys.stderr)


def message_line(kind: str, text: str) -> str:
    """Return ``error: …``, its first word in the colour of the kind."""
    return f"{styled(kind + ':', kind, stream=sys.stderr)} {printable(text)}"


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on a terminal; without one the answer is no (``--yes``: yes)."""
    if manner.yes:
        return True
    if not manner.asks():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def styled(text: str, style: str, *, stream: TextIO | None = None) -> str:
    """Return the text in a style of ``STYLES`` if the stream (stdout) takes colour."""
    if not manner.colored(stream or sys.stdout):
        return text
    return f"\033[{STYLES[style]}m{text}\033[0m"


def printable(text: str) -> str:
    """Return the text on one line, with nothing in it that steers a terminal."""
    return "".join(
        character if _is_harmless(character) else "\N{REPLACEMENT CHARACTER}"
        for character in text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    )


def _is_harmless(character: str) -> bool:
    """Bidirectional overrides count as steering; joiners inside emoji do not."""
    category = unicodedata.category(character)
    return category not in ("Cc", "Cs", "Co", "Cn") and not (
        category == "Cf" and character not in "\u200c\u200d\u00ad"
    )


def width_of(text: str) -> int:
    """Return how many columns a terminal gives to the text (without colour codes)."""
    columns = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn"):
            continue
        columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


def fitted(text: str, width: int) -> str:
    """Return the text cut to a width, with ``…`` if anything was cut."""
    if width_of(text) <= width:
        return text
    kept = ""
    for character in text:
        if width_of(kept + character) > width - 1:
            break
        kept += character
    return f"{kept.rstrip()}…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return the text filled with spaces to a width; ``right`` puts it at the right."""
    space = " " * max(0, width - width_of(text))
    return space + text if right else text + space


def page_width(default: int = 100) -> int:
    """Return the width to lay results out for: the terminal's, at most 120.

    ``COLUMNS`` wins; without a terminal it is ``default``.
    """
    columns = shutil.get_terminal_size((default, 24)).columns
    return max(60, min(columns, 120))


def table(
    rows: Sequence[Sequence[str]],
    *,
    header: Sequence[str] = (),
    right: Iterable[int] = (),
    indent: int = 2,
    gap: int = 2,
) -> list[str]:
    """Return the rows as aligned lines; the last column is cut to the page.

    Args:
        header: titles of the columns, printed dim above them.
        right: numbers of the columns that end at the right, from 0.
    """
    cells = [[printable(cell) for cell in row] for row in ([header] if header else []) + [*rows]]
    if not cells:
        return []
    widths = [max(width_of(row[at]) for row in cells) for at in range(len(cells[0]))]
    ends = frozenset(right)
    used = indent + sum(widths[:-1]) + gap * (len(widths) - 1)
    widths[-1] = min(widths[-1], max(12, page_width() - used))
    lines = []
    for number, row in enumerate(cells):
        parts = [
            padded(fitted(cell, widths[at]), widths[at], right=at in ends)
            for at, cell in enumerate(row)
        ]
        line = (" " * indent + (" " * gap).join(parts)).rstrip()
        lines.append(styled(line, "dim") if header and number == 0 else line)
    return lines


def number(count: int) -> str:
    """Return a count with thousands separators: ``1,204``."""
    return f"{count:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 customer``, ``1,204 customers``."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def on_terminal() -> bool:
    """Return whether messages are read by a person, who gets progress bars."""
    return not manner.quiet and is_terminal(sys.stderr)
