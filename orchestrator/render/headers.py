"""Header slots: subject, preheader and address are one clean line, or the message fails."""

from __future__ import annotations

import re

from orchestrator.channels.mail.headers import HeaderRefused, clean
from orchestrator.render.faults import RenderError

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
    try:
        return clean(slot, text)
    except HeaderRefused as refused:
        raise RenderError("header", str(refused)) from None


def clean_address(kind: str, address: str) -> str:
    """Return an address if it is exactly one, on one line."""
    line = clean_header("address", address) if isinstance(address, str) else ""
    pattern = _ADDRESS.get(kind)
    if not line or (pattern and not pattern.match(line)):
        raise RenderError("header", f"the customer's {kind} is not one address")
    return line
