"""The content of a message: one text, text and HTML, or these with files (RFC 2046)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from orchestrator.channels.mail.bodies import Body, file_body, text_body
from orchestrator.channels.mail.headers import HeaderRefused, clean
from orchestrator.channels.message import Attachment

_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
"""One of the two names of a media type (RFC 6838, 4.2)."""
_TYPE = re.compile(rf"{_NAME}/{_NAME}\Z")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.() -]{1,60}\Z")
_LONGEST_NAME = 240
_CONTAINERS = ("multipart/", "message/")
"""What base64 must not carry (RFC 2045, 6.4)."""


class Part(NamedTuple):
    """One part of a message, or several in one."""

    head: bytes
    """The headers that say what it is, each ended with CRLF."""
    body: bytes
    """Ended with CRLF."""
    has_dots: bool
    """Whether a line of the body begins with a dot."""


def content(text: str, html: str | None, attachments: Sequence[Attachment], key: str) -> Part:
    """Return the content of a message.

    Boundaries are made of the key, so that every attempt has the same octets.

    Raises:
        HeaderRefused: an attachment's name or type must not stand in a header.
        UnicodeEncodeError: half a character (a lone surrogate).
    """
    shown = _part(b"text/plain; charset=utf-8", text_body(text))
    if html is not None:
        parts = [shown, _part(b"text/html; charset=utf-8", text_body(html))]
        shown = _together("alternative", parts, f"=_a.{key}")
    if attachments:
        files = [_attached(one) for one in attachments]
        shown = _together("mixed", [shown, *files], f"=_m.{key}")
    return shown


def _part(type: bytes, body: Body, more: bytes = b"") -> Part:
    encoding = body.encoding.encode("ascii")
    head = b"Content-Type: %b\r\n%bContent-Transfer-Encoding: %b\r\n" % (type, more, encoding)
    return Part(head, body.octets, body.has_dots)


def _together(subtype: str, parts: Sequence[Part], boundary: str) -> Part:
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n'.encode("ascii")
    line = f"--{boundary}".encode("ascii")
    pieces: list[bytes] = []
    for part in parts:
        # The CRLF before a boundary belongs to it: what stands above keeps its own.
        pieces += (line, b"\r\n", part.head, b"\r\n", part.body, b"\r\n")
    body = b"".join((*pieces, line, b"--\r\n"))
    return Part(head, body, any(part.has_dots for part in parts))


def _attached(attachment: Attachment) -> Part:
    kind = attachment.content_type
    if not _TYPE.match(kind) or kind.lower().startswith(_CONTAINERS):
        raise HeaderRefused("an attachment's type is not one such as application/pdf")
    disposition = f"Content-Disposition: attachment;\r\n {_file_name(attachment.name)}\r\n"
    return _part(kind.encode("ascii"), file_body(attachment.content), disposition.encode("ascii"))


def _file_name(name: str) -> str:
    """Return the parameter that names a file; in UTF-8 where ASCII does not do (RFC 2231)."""
    line = clean("name of an attachment", name)
    if not line or line in (".", "..") or "/" in line or "\\" in line:
        raise HeaderRefused("an attachment's name is not a bare file name")
    if _PLAIN_NAME.match(line):
        return f'filename="{line}"'
    if len(line.encode()) > _LONGEST_NAME:
        raise HeaderRefused(f"an attachment's name is longer than {_LONGEST_NAME} octets")
    return f"filename*=utf-8''{quote(line, safe='')}"
