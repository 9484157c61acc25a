"""Letters on paper: A4 with the address in the envelope's window (DIN 5008:2020, form B)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from orchestrator.errors import EnvironmentFault

_LEFT, _RIGHT, _BOTTOM = 25.0, 20.0, 25.0
_WINDOW_TOP, _TEXT_TOP = 62.7, 103.4
"""Millimetres from the top edge: where the address begins, and the first line of text."""
_LINES = 6
"""Of an address, in the window."""
_SIZE, _LEADING = 11, 5.2
_OWN_FONT = "letter"


class NotPrintable(Exception):
    """A letter that cannot be printed. The text says why, and nothing of its content."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter."""

    key: str
    """Stands in the document's properties."""
    address: tuple[str, ...]
    """Line by line, the name first."""
    subject: str | None
    text: str


class Press:
    """Prints letters, the same letter to the same octets."""

    def __init__(self, font: Path | None) -> None:
        """Choose the font.

        Args:
            font: a TrueType file; None is Helvetica, which has the letters of Latin-1.
        Raises:
            EnvironmentFault: what prints is not installed, or the font is not there.
        """
        if find_spec("fpdf") is None:
            raise EnvironmentFault(
                "letters as PDF need fpdf2, which is not installed",
                help="pip install 'clmctl[pdf]'",
            )
        if font is not None and not font.is_file():
            raise EnvironmentFault(f"the font {font} is not there")
        self._font = font

    def pdf(self, letter: Letter, at: datetime) -> bytes:
        """Return a letter as a PDF document.

        Args:
            at: stands in the document as the time it was made.
        Raises:
            NotPrintable: the address is too long for the window, or the font lacks a character.
        """
        from fpdf import FPDF  # noqa: PLC0415  # optional, and costs 200 ms
        from fpdf.errors import FPDFException  # noqa: PLC0415  # the same

        if len(letter.address) > _LINES:
            raise NotPrintable(f"the address has more than {_LINES} lines")
        page = FPDF(format="A4")
        page.set_creation_date(at)
        page.set_keywords(letter.key)
        page.set_margins(_LEFT, _WINDOW_TOP, _RIGHT)
        page.set_auto_page_break(True, _BOTTOM)
        family = "helvetica"
        if self._font is not None:
            family = _OWN_FONT
            page.add_font(family, fname=self._font)
        page.set_font(family, size=_SIZE)
        page.add_page()
        try:
            for line in letter.address:
                page.cell(0, _LEADING, line, new_x="LMARGIN", new_y="NEXT")
            page.set_y(_TEXT_TOP)
            if letter.subject:
                page.multi_cell(0, _LEADING, letter.subject + "\n\n")
            page.multi_cell(0, _LEADING, letter.text)
            return bytes(page.output())
        except (FPDFException, UnicodeError):
            raise NotPrintable("the font lacks a character: name one with font:") from None
