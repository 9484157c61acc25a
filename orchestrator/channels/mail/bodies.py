"""Bodies: line ends, and the transfer encoding that a text or a file needs (RFC 2045)."""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from typing import Literal, NamedTuple

Encoding = Literal["7bit", "quoted-printable", "base64"]
LONGEST_LINE = 998
"""Octets of one line without CRLF (RFC 5322, 2.1.1)."""
BOUNDARY_BEGINS = b"--=_"
"""How boundaries begin: no quoted-printable and no base64 line can (RFC 2045, 6.7)."""
_ASCII = bytes(range(1, 128))
_BASE64_LINE = re.compile(b".{1,76}")


class Body(NamedTuple):
    """What stands below the headers of one part."""

    encoding: Encoding
    octets: bytes
    """Lines end with CRLF, the last one too."""
    has_dots: bool
    """Whether a line begins with a dot, which SMTP wants doubled; only of 7bit."""


def text_body(text: str) -> Body:
    """Return a text with its line ends as CRLF, encoded if it cannot stand as it is.

    Plain ASCII stays readable; else what is shorter: quoted-printable for texts of mostly Latin
    letters, base64 for others.

    Raises:
        UnicodeEncodeError: it holds half a character (a lone surrogate).
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    octets = text.encode()
    if not octets.endswith(b"\n"):
        octets += b"\n"
    if text.isascii() and "\0" not in text and BOUNDARY_BEGINS not in octets:
        plain = octets.replace(b"\n", b"\r\n")
        if not has_long_line(plain):
            return Body("7bit", plain, plain.startswith(b".") or b"\n." in plain)
    if _is_mostly_encoded(octets, letters=len(text)):
        return Body("base64", _base64(octets.replace(b"\n", b"\r\n")), has_dots=False)
    lines = octets.split(b"\n")
    lines.pop()
    return Body("quoted-printable", b"".join(map(_QUOTED.__getitem__, lines)), has_dots=False)


def _is_mostly_encoded(octets: bytes, letters: int) -> bool:
    """Return whether base64 is shorter: of quoted-printable three octets stand for each other one.

    Letters outside ASCII have two octets or more, so as a rule a text's length tells.
    """
    if (len(octets) - letters) * 12 <= len(octets) and b"\0" not in octets:
        return False
    return len(octets.translate(None, _ASCII)) * 6 > len(octets)


def file_body(content: bytes) -> Body:
    """Return a file as base64."""
    return Body("base64", _base64(content), has_dots=False)


def has_long_line(octets: bytes) -> bool:
    """Return whether a line of a text with CRLF is too long; looks at few of its octets."""
    begin, reach = 0, LONGEST_LINE + 2
    while begin + reach < len(octets):
        end = octets.rfind(b"\n", begin, begin + reach)
        if end < 0:
            return True
        begin = end + 1
    return False


def _base64(octets: bytes) -> bytes:
    lines = _BASE64_LINE.findall(b2a_base64(octets, newline=False))
    return b"\r\n".join([*lines, b""]) if lines else b"\r\n"


class _QuotedLines(dict[bytes, bytes]):
    """Line → the same in quoted-printable, ended with CRLF.

    Most lines of a message are those of its template, so the next message has them too. Threads
    may share it: what one of them forgets, another works out again.
    """

    _LONGEST = 2_000
    _MOST = 2**21
    """Octets that are kept."""
    _kept = 0

    def __missing__(self, line: bytes) -> bytes:
        quoted = _quoted(line)
        if len(line) <= self._LONGEST:
            self._kept += len(line) + len(quoted)
            if self._kept > self._MOST:
                self.clear()
                self._kept = 0
            self[line] = quoted
        return quoted


_QUOTED = _QuotedLines()
_LEADING_DOTS = re.compile(rb"^\.+", re.MULTILINE)
_DOTS_A_LINE = 25
"""What 75 characters of ``=2E`` are."""


def _quoted(line: bytes) -> bytes:
    """Return a line in quoted-printable: soft breaks after at most 76 characters, no leading dot.

    Of blanks at its end and a lone dot b2a_qp takes care itself.
    """
    quoted = b2a_qp(line + b"\r\n", istext=True)
    return _LEADING_DOTS.sub(_dots, quoted) if b"." in quoted else quoted


def _dots(found: re.Match[bytes]) -> bytes:
    """Return the dots at the beginning of a line encoded, in lines of their own."""
    count = len(found[0])
    begins = range(0, count, _DOTS_A_LINE)
    return b"".join(b"=2E" * min(_DOTS_A_LINE, count - begin) + b"=\r\n" for begin in begins)
