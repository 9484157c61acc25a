"""Text laid out for a terminal: widths, columns, colour. Pure.

Text that comes from data is made printable first: no control character reaches a terminal.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
NARROW = 12
_JOINERS = "\u200c\u200d\ufe0f"


@dataclass(frozen=True)
class Page:
    """What results are laid out for: so many columns, with colour or without."""

    width: int = 80
    color: bool = False

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style of ``STYLES``, if there is colour."""
        return f"\033[{STYLES[style]}m{text}\033[0m" if self.color and text else text

    def wrap(self, text: str, *, indent: int = 2, hang: int = 0) -> list[str]:
        """Return the text as lines within the page; all but the first hang further in."""
        return textwrap.wrap(
            printable(text),
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hang),
            break_long_words=False,
            break_on_hyphens=False,
        )

    def table(
        self,
        rows: Sequence[Sequence[str]],
        *,
        header: Sequence[str] = (),
        right: Iterable[int] = (),
        indent: int = 2,
        gap: int = 2,
    ) -> list[str]:
        """Return the rows as aligned lines, cut to the page in the widest columns.

        Args:
            header: titles of the columns, dim above them.
            right: numbers of the columns that end at the right, from 0.
        """
        above = [list(header)] if header else []
        cells = [[printable(cell) for cell in row] for row in [*above, *rows]]
        if not cells:
            return []
        widths = [max(width_of(row[at]) for row in cells) for at in range(len(cells[0]))]
        _shrink(widths, self.width - indent - gap * (len(widths) - 1))
        ends = frozenset(right)
        lines = [
            " " * indent
            + (" " * gap).join(
                padded(fitted(cell, widths[at]), widths[at], right=at in ends)
                for at, cell in enumerate(row)
            )
            for row in cells
        ]
        lines = [line.rstrip() for line in lines]
        return [self.paint(line, "dim") for line in lines[: len(above)]] + lines[len(above) :]

    def entries(
        self,
        rows: Sequence[Sequence[str]],
        *,
        header: Sequence[str] = (),
        right: Iterable[int] = (),
        indent: int = 0,
    ) -> list[str]:
        """Return the rows as aligned lines, the last column wrapped instead of cut.

        Where the others leave it no room, it stands below them.
        """
        above = [list(header)] if header else []
        heads = [row[:-1] for row in [*above, *rows]]
        narrow = self.table([[*head, "."] for head in heads], right=right, indent=indent)
        begin = max((width_of(line) for line in narrow), default=1) - 1
        is_below = self.width - begin < NARROW
        lines = []
        for number, row in enumerate([*above, *rows]):
            head = padded(narrow[number][:-1], begin)
            wrapped = self.wrap(row[-1], indent=indent + 4 if is_below else begin)
            if wrapped and not is_below:
                head += wrapped.pop(0).lstrip()
            entry = [head.rstrip(), *wrapped]
            lines += [self.paint(line, "dim") for line in entry] if number < len(above) else entry
        return lines


def _shrink(widths: list[int], room: int) -> None:
    """Take from the widest column, the last of equals, until all have room or are narrow."""
    while sum(widths) > room and max(widths) > NARROW:
        widest = max(range(len(widths)), key=lambda at: (widths[at], at))
        widths[widest] -= 1


def printable(text: str) -> str:
    """Return the text on one line, with nothing in it that steers a terminal."""
    flat = re.sub(r"[ \t\r\n]+", " ", text)
    return "".join(c if _is_harmless(c) else "\N{REPLACEMENT CHARACTER}" for c in flat)


def _is_harmless(character: str) -> bool:
    """Bidirectional overrides steer; the joiners inside emoji and scripts do not."""
    if character in _JOINERS:
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def width_of(text: str) -> int:
    """Return how many columns a terminal gives to the text (without colour codes)."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fitted(text: str, width: int) -> str:
    """Return the text cut to a width, with ``…`` if anything was cut."""
    if width_of(text) <= width:
        return text
    kept, columns = "", 0
    for character in text:
        columns += _columns(character)
        if columns > width - 1:
            break
        kept += character
    return f"{kept.rstrip()}…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return the text filled with spaces to a width; ``right`` puts it at the right."""
    space = " " * max(0, width - width_of(text))
    return space + text if right else text + space
