"""Addresses of e-mail: what counts as one, and what becomes of letters outside ASCII.

A domain with such letters is written in Punycode (IDNA 2008), which every server knows. A local
part with them cannot be written otherwise: it needs a server that offers SMTPUTF8 (RFC 6531).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from orchestrator.channels.mail.headers import HeaderRefused, clean, phrase

LONGEST_ADDRESS = 254
"""Octets; RFC 5321 section 4.5.3.1 with the erratum on paths."""
LONGEST_LOCAL_PART = 64
_PLAIN = re.compile(
    r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"|[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,16}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,15}){1,3})"
    r"@((?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\.){1,3}[a-z]{2,24})\Z"
)
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z", re.IGNORECASE | re.ASCII)
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')


class Address(NamedTuple):
    """One address, checked, as it stands on the wire."""

    spec: str
    """``local@domain`` with the domain in ASCII."""
    domain: str
    """In ASCII, lower case."""

    @property
    def is_international(self) -> bool:
        """Whether only a server that offers SMTPUTF8 can take it."""
        return not self.spec.isascii()


def address(name: str, text: str) -> Address:
    """Return a text as an address.

    Quoted local parts, comments, address literals and domains without a dot are none.

    Args:
        name: the header it is for, for the message.
    Raises:
        HeaderRefused: it is not exactly one address.
    """
    plain = _PLAIN.match(text)
    if plain and "=?" not in text:
        return Address(text, plain[1])
    local, at, domain = clean(name, text).rpartition("@")
    ascii_domain = _ascii_domain(domain) if at else None
    if ascii_domain is None or not _is_local_part(local):
        raise HeaderRefused(f"the {name} is not one address")
    spec = f"{local}@{ascii_domain}"
    if len(spec.encode()) > LONGEST_ADDRESS:
        raise HeaderRefused(f"the {name} is longer than {LONGEST_ADDRESS} octets")
    return Address(spec, ascii_domain)


def parted(text: str) -> tuple[str, str]:
    """Return (name, address) of ``Name <address>`` or of a bare address; neither is checked."""
    named = _NAMED.match(text.strip())
    if named is None:
        return "", text.strip()
    name = named["name"].strip()
    quoted = _QUOTED.match(name)
    return (re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name), named["address"]


def mailbox(header: str, name: str, spec: Address) -> str:
    """Return ``name <address>`` as the header writes it, or the bare address.

    Raises:
        HeaderRefused: the name must not stand in a header.
    """
    written = phrase(header, name)
    if not written:
        return spec.spec
    separator = "\r\n " if len(header) + len(written) + len(spec.spec) > 72 else " "
    return f"{written}{separator}<{spec.spec}>"


def _is_local_part(local: str) -> bool:
    return (
        len(local.encode()) <= LONGEST_LOCAL_PART
        and not any(character.isspace() for character in local)
        and all(_ATOM.match(atom) for atom in local.split("."))
    )


@lru_cache(maxsize=4_096)
def _ascii_domain(domain: str) -> str | None:
    """Return a domain in ASCII and lower case; None if it is none with a dot."""
    labels = domain.lower().split(".") if domain.isascii() else _punycode(domain)
    last = labels[-1]
    is_domain = len(labels) >= 2 and all(_LABEL.match(label) for label in labels)
    return ".".join(labels) if is_domain and not last.isdigit() else None


def _punycode(domain: str) -> list[str]:
    import idna  # noqa: PLC0415 - its tables are for the few domains that need them

    try:
        return idna.encode(domain, uts46=True).decode().lower().split(".")
    except UnicodeError:
        return [""]
