"""Mail that comes in, taken apart no further than it must be, whatever somebody sent.

A library that builds the tree of all parts can be made to nest and to search without end. Here
little is asked: the headers of the first parts of the first levels, and the text of small ones.
"""

from __future__ import annotations

import re
from binascii import Error as NotBase64
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LONGEST = 1_000_000
"""Octets of a mail that are looked at: a report stands before the message that it is about."""
MOST_PARTS = 20
"""Of one level."""
DEEPEST = 3
"""Levels of parts within parts."""
_LONGEST_HEAD = 100_000
_LONGEST_TEXT = 100_000
_LONGEST_VALUE = 2_000
_HEAD_ENDS = re.compile(rb"\A\r?\n|\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_PARAMETER = re.compile(r';\s*([A-Za-z0-9_-]{1,40})\s*=\s*(?:"([^"]{0,200})"|([^\s;"]{1,200}))')

Fields = Mapping[str, Sequence[str]]
"""Name in lower case → the texts of all headers of that name, each on one line."""


@dataclass(frozen=True)
class IncomingPart:
    """A mail, or a part of one."""

    fields: Fields
    body: bytes

    def first(self, name: str) -> str:
        """Return the first header of a name; empty if there is none."""
        return next(iter(self.fields.get(name, ())), "")

    @property
    def type(self) -> str:
        """The content type in lower case: ``multipart/report``."""
        return self.first("content-type").partition(";")[0].strip().lower()

    def parameter(self, name: str) -> str:
        """Return a parameter of the content type; empty if there is none."""
        found = _PARAMETER.findall(self.first("content-type"))
        return next((quoted or bare for key, quoted, bare in found if key.lower() == name), "")

    def decoded(self) -> bytes:
        """Return the body without its transfer encoding, as far as it can be read."""
        body = self.body[:_LONGEST_TEXT]
        match self.first("content-transfer-encoding").strip().lower():
            case "base64":
                try:
                    return a2b_base64(body)
                except NotBase64:
                    return b""
            case "quoted-printable":
                return a2b_qp(body)
        return body

    def parts(self) -> Iterator[IncomingPart]:
        """Yield the parts that hold no others, those of ``DEEPEST`` levels."""
        level = [self]
        for _ in range(DEEPEST):
            inner = [part for one in level for part in _divided(one)][:MOST_PARTS]
            yield from (part for part in inner if not part.type.startswith("multipart/"))
            level = [part for part in inner if part.type.startswith("multipart/")]


def incoming(octets: bytes) -> IncomingPart:
    """Return a mail or a part as it stands, whatever it is; nothing is refused."""
    end = _HEAD_ENDS.search(octets, 0, _LONGEST_HEAD)
    head, body = (octets[: end.start()], octets[end.end() :]) if end else (octets, b"")
    return IncomingPart(fields_of(head), body)


def _divided(part: IncomingPart) -> list[IncomingPart]:
    """Return the parts of a part that is made of such, what stands below the last one too."""
    boundary = part.parameter("boundary")
    if not boundary or not part.type.startswith("multipart/"):
        return []
    line = re.escape(boundary.encode("ascii", "replace"))
    marks = re.compile(rb"(?:\A|\r?\n)--" + line + rb"(?:--)?[ \t]*(?=\r?\n|\Z)")
    _, *pieces = marks.split(part.body, maxsplit=MOST_PARTS + 1)
    return [incoming(piece.removeprefix(b"\r").removeprefix(b"\n")) for piece in pieces]


def mail(octets: bytes) -> IncomingPart:
    """Return a mail; of the line that some servers write above it (``From …``) nothing is kept."""
    octets = octets[:LONGEST]
    if octets.startswith(b"From "):
        octets = octets.partition(b"\n")[2]
    return incoming(octets)


def fields_of(head: bytes) -> Fields:
    """Return the headers in some lines; what is none is passed over."""
    text = _FOLD.sub(" ", head[:_LONGEST_HEAD].decode("utf-8", "replace"))
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name:
            found.setdefault(name.strip().lower(), []).append(value.strip()[:_LONGEST_VALUE])
    return found


def groups(body: bytes) -> list[Fields]:
    """Return the groups of headers in a body that is made of such (RFC 3464, 2.1)."""
    return [found for piece in re.split(rb"\r?\n[ \t]*\r?\n", body) if (found := fields_of(piece))]
