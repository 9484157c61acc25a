"""Header values: what may stand in one, and how it is written.

The guard is our own, because the standard library's has let values make headers more than once
(CVE-2024-6923, CVE-2026-1299). Whatever passes it is written so that every reader gets back
exactly what was meant.
"""

from __future__ import annotations

import re
from binascii import b2a_base64

LONGEST_HEADER = 998
"""Octets of one header line (RFC 5322, 2.1.1), counted in UTF-8."""
LINE = 78
"""Octets after which a line should be folded (RFC 5322, 2.1.1)."""
UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ud800-\udfff\ufeff\ufff9-\ufffb]")
"""Controls, line breaks of every kind, overrides of the writing direction, half characters."""
ENCODED_WORD = re.compile(r"=\?[^?]*\?[bq]\?", re.IGNORECASE)
"""What a mail library may decode, into a line break for example (RFC 2047); lenient ones take any
text, or none, for a character set."""
OWN_HEADERS = frozenset(
    {"from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id",
     "mime-version", "content-type", "content-transfer-encoding", "content-disposition",
     "list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "auto-submitted",
     "precedence", "x-auto-response-suppress", "dkim-signature", "return-path", "received"}
)  # fmt: skip
"""What settings cannot add: it is written here, or never by a sender."""
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_WORD_OCTETS = 45
"""What 60 characters of base64 hold; with ``=?utf-8?b?`` and ``?=`` a word has 72 of 75."""
_LONGEST_PHRASE = 200
"""Octets of a display name on one line; a longer one is cut into encoded words."""
_BEFORE_BLANK = re.compile(r"(?<=\S)(?= \S)")
_ALIKE = re.compile(r"[A-Za-z0-9_-]*\Z")


class HeaderRefused(ValueError):
    """A value that must not stand in a header; the text names the header, never the value.

    Args:
        code: why, as outcomes call it.
    """

    def __init__(self, says: str, code: str = "header") -> None:
        super().__init__(says)
        self.code = code


def clean(name: str, text: str) -> str:
    """Return a header's text without surrounding blanks.

    Raises:
        HeaderRefused: it holds a line break, another control character, an encoded word or half
            a character, or has more than 998 octets.
    """
    line = text.strip(" \t")
    if not (line.isascii() and line.isprintable()) and UNCLEAN.search(line):
        raise HeaderRefused(f"the {name} holds a line break or control character")
    if "=?" in line and ENCODED_WORD.search(line):
        raise HeaderRefused(f"the {name} holds an encoded word")
    if len(line) > LONGEST_HEADER // 4 and len(line.encode()) > LONGEST_HEADER:
        raise HeaderRefused(f"the {name} is longer than {LONGEST_HEADER} octets")
    return line


def unstructured(name: str, text: str) -> str:
    """Return a header line of free text, such as a subject, folded and ended with CRLF.

    Raises:
        HeaderRefused: see ``clean``.
    """
    line = clean(name, text)
    if not line.isascii() or "=?" in line:
        return f"{name}: {words(line)}\r\n"
    if len(name) + 2 + len(line) <= LINE:
        return f"{name}: {line}\r\n"
    folded = _folded(name, line)
    return f"{folded}\r\n" if folded else f"{name}: {words(line)}\r\n"


def words(line: str) -> str:
    """Return a clean text as encoded words of UTF-8 (RFC 2047), one a line, none cut in two."""
    octets, encoded, begin = line.encode(), [], 0
    while begin < len(octets):
        end = begin + _WORD_OCTETS
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        word = b2a_base64(octets[begin:end], newline=False).decode()
        encoded.append(f"=?utf-8?b?{word}?=")
        begin = end
    return "\r\n ".join(encoded)


def phrase(name: str, text: str) -> str:
    """Return a display name as it stands before ``<address>``: atoms, quoted, or encoded words.

    Raises:
        HeaderRefused: see ``clean``.
    """
    line = clean(name, text)
    if not line.isascii() or "=?" in line or len(line) > _LONGEST_PHRASE:
        return words(line)
    if not line or _ATOMS.match(line):
        return line
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def label(text: str) -> str:
    """Return a name of ours with everything escaped that has a meaning in some header.

    Letters, digits, ``_`` and ``-`` stay; other octets become ``%`` and two digits, so that
    different names stay different, also where dots or colons join them.
    """
    if _ALIKE.match(text):
        return text
    return "".join(
        sign if _ALIKE.match(sign) else "".join(f"%{octet:02x}" for octet in _octets(sign))
        for sign in text
    )


def _octets(sign: str) -> bytes:
    return sign.encode("utf-8", "surrogatepass")


def _folded(name: str, line: str) -> str | None:
    """Return a header folded at single blanks, so that joining its lines gives it again.

    None if a line would stay too long.
    """
    first, *more = _BEFORE_BLANK.split(line)
    lines = [f"{name}: {first}"]
    for piece in more:
        if len(lines[-1]) + len(piece) > LINE:
            lines.append(piece)
        else:
            lines[-1] += piece
    return None if max(map(len, lines)) > LONGEST_HEADER else "\r\n".join(lines)
