"""Bodies: line ends, and the transfer encoding that a text or a file needs (RFC 2045)."""

from __future__ import annotations

from binascii import b2a_base64, b2a_qp
from typing import Literal, NamedTuple

Encoding = Literal["7bit", "quoted-printable", "base64"]
LONGEST_LINE = 998
"""Octets of one line without CRLF (RFC 5322, 2.1.1)."""
BOUNDARY_BEGINS = b"--=_"
"""How boundaries begin: no quoted-printable and no base64 line can (RFC 2045, 6.7)."""
_ASCII = bytes(range(1, 128))
_BASE64_LINE = 76


class Body(NamedTuple):
    """What stands below the headers of one part."""

    encoding: Encoding
    octets: bytes
    """Lines end with CRLF, the last one too."""


def text_body(text: str) -> Body:
    """Return a text with its line ends as CRLF, encoded if it cannot stand as it is.

    Plain ASCII stays readable; else what is shorter: quoted-printable for texts of mostly Latin
    letters, base64 for others.

    Raises:
        UnicodeEncodeError: it holds half a character (a lone surrogate).
    """
    octets = _with_crlf(text).encode()
    others = len(octets.translate(None, _ASCII))
    if not others and not has_long_line(octets) and BOUNDARY_BEGINS not in octets:
        return Body("7bit", octets)
    if others * 6 > len(octets):
        return Body("base64", _base64(octets))
    # Of trailing blanks and lone dots b2a_qp takes care itself.
    return Body("quoted-printable", b2a_qp(octets, istext=True))


def file_body(content: bytes) -> Body:
    """Return a file as base64."""
    return Body("base64", _base64(content))


def has_long_line(octets: bytes) -> bool:
    """Return whether a line of a text with CRLF is too long; looks at few of its octets."""
    begin, reach = 0, LONGEST_LINE + 2
    while begin + reach < len(octets):
        end = octets.rfind(b"\n", begin, begin + reach)
        if end < 0:
            return True
        begin = end + 1
    return False


def _with_crlf(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\n", "\r\n")
    return text if text.endswith("\r\n") else text + "\r\n"


def _base64(octets: bytes) -> bytes:
    line = b2a_base64(octets, newline=False)
    lines = [line[at : at + _BASE64_LINE] for at in range(0, len(line), _BASE64_LINE)]
    return b"\r\n".join([*lines, b""]) if lines else b"\r\n"
