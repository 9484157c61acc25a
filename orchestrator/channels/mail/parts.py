"""The content of a message: one text, text and HTML, or these with files (RFC 2046)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from orchestrator.channels.mail.bodies import Body, file_body, text_body
from orchestrator.channels.mail.headers import HeaderRefused, clean
from orchestrator.channels.message import Attachment

_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\Z")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.() -]{1,60}\Z")
_LONGEST_NAME = 240
_CONTAINERS = ("multipart/", "message/")
"""What base64 must not carry (RFC 2045, 6.4)."""


def content(
    text: str, html: str | None, attachments: Sequence[Attachment], key: str
) -> tuple[bytes, bytes]:
    """Return (the headers that say what the content is, the body), both ended with CRLF.

    Boundaries are made of the key, so that every attempt has the same octets.

    Raises:
        HeaderRefused: an attachment's name or type must not stand in a header.
        UnicodeEncodeError: half a character (a lone surrogate).
    """
    shown = _part("text/plain; charset=utf-8", text_body(text))
    if html is not None:
        parts = [shown, _part("text/html; charset=utf-8", text_body(html))]
        shown = _together("alternative", parts, f"=_a.{key}")
    if attachments:
        files = [_attached(one) for one in attachments]
        shown = _together("mixed", [shown, *files], f"=_m.{key}")
    return shown


def _part(type: str, body: Body, more: str = "") -> tuple[bytes, bytes]:
    head = f"Content-Type: {type}\r\n{more}Content-Transfer-Encoding: {body.encoding}\r\n"
    return head.encode("ascii"), body.octets


def _together(
    subtype: str, parts: Sequence[tuple[bytes, bytes]], boundary: str
) -> tuple[bytes, bytes]:
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n'.encode("ascii")
    line = f"--{boundary}".encode("ascii")
    pieces: list[bytes] = []
    for own_head, body in parts:
        # The CRLF before a boundary belongs to it: what stands above keeps its own.
        pieces += (line, b"\r\n", own_head, b"\r\n", body, b"\r\n")
    return head, b"".join((*pieces, line, b"--\r\n"))


def _attached(attachment: Attachment) -> tuple[bytes, bytes]:
    kind = attachment.content_type
    if not _TYPE.match(kind) or kind.lower().startswith(_CONTAINERS):
        raise HeaderRefused("an attachment's type is not one such as application/pdf")
    disposition = f"Content-Disposition: attachment;\r\n {_file_name(attachment.name)}\r\n"
    return _part(kind, file_body(attachment.content), disposition)


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
