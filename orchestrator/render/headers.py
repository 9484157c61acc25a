"""Header slots: subject, preheader and address are one clean line, or the message fails."""

from __future__ import annotations

import re

from orchestrator.render.faults import RenderError

LONGEST_HEADER = 998
"""Octets of one header line (RFC 5322, 2.1.1), counted in UTF-8."""
_UNCLEAN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,75}\?[bq]\?", re.IGNORECASE)
_ADDRESS = {
    "email": re.compile(r"[^\s,;:<>()\[\]\\]+@[^\s,;:<>()\[\]\\@]+\Z"),
    "phone": re.compile(r"\+?[0-9][0-9 ()./-]{2,30}\Z|[+0-9*]{3,32}\Z"),
}


def clean_header(slot: str, text: str) -> str:
    """Return a header's text without surrounding blanks.

    Raises:
        RenderError: ``header``: a control character or line break, an encoded word (which
            a mail library may decode into a line break), or more than 998 octets.
    """
    line = text.strip(" \t")
    if not (line.isascii() and line.isprintable()) and _UNCLEAN.search(line):
        raise RenderError("header", f"the {slot} holds a line break or control character")
    if "=?" in line and _ENCODED_WORD.search(line):
        raise RenderError("header", f"the {slot} holds an encoded word")
    if len(line) > LONGEST_HEADER // 4 and len(line.encode()) > LONGEST_HEADER:
        raise RenderError("header", f"the {slot} is longer than {LONGEST_HEADER} octets")
    return line


def clean_address(kind: str, address: str) -> str:
    """Return an address if it is exactly one, on one line."""
    line = clean_header("address", address) if isinstance(address, str) else ""
    pattern = _ADDRESS.get(kind)
    if not line or (pattern and not pattern.match(line)):
        raise RenderError("header", f"the customer's {kind} is not one address")
    return line
