"""What counts as an e-mail address, a phone number and an id (semantics 6)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST_ID = 255
LONGEST_EMAIL = 254
"""Octets; RFC 5321 section 4.5.3.1 with the erratum on paths."""
LONGEST_LOCAL_PART = 64
LONGEST_DOMAIN = 253
LONGEST_LABEL = 63

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]{1,32}(?:\.[a-z0-9_+-]{1,31})?@(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\.){1,3}"
    r"[a-z]{2,24}",
    re.IGNORECASE | re.ASCII,
)
"""Nearly every address there is; the others are looked at part by part."""
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
_PHONE_FILLING = re.compile("[ \N{NO-BREAK SPACE}./()-]")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
"""ITU-T E.164: a country code and at most 15 digits in all."""
_MIXED_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


def clean_id(raw: str) -> str | None:
    """Return an id or name in NFC; None if it is empty, padded, too long or has control signs."""
    if raw.isascii() and raw.isalnum() and len(raw) <= LONGEST_ID:
        return raw
    text = unicodedata.normalize("NFC", raw)
    if not text or len(text) > LONGEST_ID or text != text.strip() or not text.isprintable():
        return None
    return text


def clean_ids(cells: Sequence[str]) -> Sequence[str | None]:
    """Return ``clean_id`` of each cell; plain ones are all looked at together."""
    together = "".join(cells)
    if (
        together.isascii()
        and together.isprintable()
        and " " not in together
        and all(cells)
        and max(map(len, cells), default=0) <= LONGEST_ID
    ):
        return cells
    found = {raw: clean_id(raw) for raw in set(cells)}
    return [found[raw] for raw in cells]


def is_email(text: str) -> bool:
    """Return whether text is one address that mail can be sent to.

    Quoted local parts, comments, address literals and domains without a dot are refused, and
    labels that mix look-alike scripts; non-ASCII addresses (RFC 6531) are taken.
    """
    if _PLAIN_EMAIL.fullmatch(text):
        return True
    local, at, domain = text.rpartition("@")
    if not at or len(text.encode("utf-8", "replace")) > LONGEST_EMAIL:
        return False
    return _is_local_part(local) and _is_domain(domain)


def _is_local_part(local: str) -> bool:
    return (
        0 < len(local.encode("utf-8", "replace")) <= LONGEST_LOCAL_PART
        and local.isprintable()
        and not any(character.isspace() for character in local)
        and all(_ATOM.fullmatch(atom) for atom in local.split("."))
    )


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    if len(labels) < 2 or any(_mixes_scripts(label) for label in labels):
        return False
    try:
        ascii_labels = [label.encode("idna").decode("ascii") if label else "" for label in labels]
    except UnicodeError:
        return False
    top = ascii_labels[-1]
    return (
        len(".".join(ascii_labels)) <= LONGEST_DOMAIN
        and all(_LABEL.fullmatch(one) and len(one) <= LONGEST_LABEL for one in ascii_labels)
        and len(top) >= 2
        and (top.isalpha() or top.startswith("xn--"))
    )


def _mixes_scripts(label: str) -> bool:
    """Return whether letters of more than one alphabet stand side by side (UTS 39)."""
    if label.isascii():
        return False
    names = {unicodedata.name(letter, "").partition(" ")[0] for letter in label if letter.isalpha()}
    return len(names & set(_MIXED_SCRIPTS)) > 1


def clean_phone(raw: str) -> str | None:
    """Return a phone number in E.164; None if it cannot be read in exactly one way.

    Spaces, dashes, dots, slashes and brackets go; a number without ``+`` and its country code, or
    with a bracketed trunk zero ``(0)``, is never guessed at.
    """
    if "(0)" in raw.replace(" ", "") or not raw.startswith("+"):
        return None
    text = _PHONE_FILLING.sub("", raw)
    return text if _PHONE.fullmatch(text) else None
