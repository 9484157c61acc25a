"""The octets of a message: headers, text, HTML and files, the same at every attempt.

What all messages of one step have in common is written once, as a ``Skeleton``; a message only
adds its receiver, subject, key and bodies. That is what makes it quicker than a library that
builds a tree of parts for each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote

from orchestrator.channels.mail.addresses import Address, address, mailbox, parted
from orchestrator.channels.mail.bodies import has_long_line
from orchestrator.channels.mail.headers import (
    OWN_HEADERS,
    HeaderRefused,
    clean,
    label,
    unstructured,
)
from orchestrator.channels.mail.parts import content
from orchestrator.channels.message import OutgoingMessage, Sender, Unsubscribe

KEY_PLACE = "{key}"
"""Stands for the message's key in a return path and in further headers."""
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}\Z")
_KEY = re.compile(r"[A-Za-z0-9]{1,48}\Z")
_URL = re.compile(
    r"(?:https://[A-Za-z0-9.-]+|http://(?:localhost|127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?"
    r"/[A-Za-z0-9._~:/?#\[\]@!$&'()*+;=%-]{0,800}\Z"
)
"""HTTPS (RFC 8058) or this machine, and nothing that a reader of the header would split at."""
_NEEDS_NO_QUOTE = re.compile(r"[A-Za-z0-9@+.=_-]+\Z")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


class Signer(Protocol):
    """Signs the messages of one domain."""

    @property
    def domain(self) -> str:
        """The signing domain, in ASCII and lower case."""

    def signature(self, head: bytes, body: bytes) -> bytes:
        """Return the header that signs both, ended with CRLF."""


class NotAligned(Exception):
    """A sender of another domain than the one that signs: receivers would not believe it."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """What the settings say of every message."""

    return_path: str | None = None
    """Where bounces go, with ``{key}`` if each message has its own; None is the sender."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, with ``{key}``: how a provider's callbacks carry the key back."""
    signer: Signer | None = None


class Letter(NamedTuple):
    """A message ready for the wire: one envelope, one receiver."""

    mail_from: Address
    to: Address
    octets: bytes
    """Lines end with CRLF and have at most 998 octets; dots are not doubled yet."""
    is_international: bool
    """Whether it needs a server that offers SMTPUTF8."""
    has_dots: bool
    """Whether a line begins with a dot."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the messages of one step have in common."""

    begin: str
    """The headers above those of the message."""
    end: str
    """Those below, without the ones of the content."""
    domain: str
    """The sending domain."""
    return_path: str
    mail_from: Address | None
    """None if each message has its own."""
    is_international: bool


class Composer:
    """Writes messages of one channel. Not for use by several threads at once.

    Raises:
        HeaderRefused: a further header must not stand in a message.
    """

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._further = "".join(_further(*header) for header in manner.headers.items())
        self._skeletons: dict[_Common, Skeleton] = {}

    def letter(self, message: OutgoingMessage) -> Letter:
        """Return a message's envelope and octets.

        Raises:
            HeaderRefused: a value must not stand in a header, there is no sender, or a marketing
                message has no unsubscribe link.
            UnicodeEncodeError: a body holds half a character (a lone surrogate).
            NotAligned: the sender is of another domain than the one that signs.
        """
        skeleton = self._skeletons.get(_common(message)) or self._skeleton(message)
        key = message.provider_key
        if not _KEY.match(key):
            raise HeaderRefused("the provider key is not of letters and digits")
        to = address("To", message.to)
        headers = "".join(
            (
                skeleton.begin,
                f"To: {to.spec}\r\n",
                unstructured("Subject", message.subject) if message.subject else "",
                f"Date: {_date(message.created_at)}\r\nMessage-ID: <{key}@{skeleton.domain}>\r\n",
                _leaving(message.unsubscribe) if message.purpose == "marketing" else "",
                skeleton.end.replace(KEY_PLACE, key),
            )
        )
        about, body, has_dots = content(message.text, message.html, message.attachments, key)
        head = headers.encode() + about
        if has_long_line(head):
            raise HeaderRefused("a header is longer than 998 octets")
        signer = self._manner.signer
        signature = signer.signature(head, body) if signer else b""
        return Letter(
            skeleton.mail_from or _return_path(skeleton.return_path, key),
            to,
            b"".join((signature, head, b"\r\n", body)),
            skeleton.is_international or to.is_international,
            has_dots,
        )

    def _skeleton(self, message: OutgoingMessage) -> Skeleton:
        sender = message.sender
        if sender is None:
            raise HeaderRefused(
                "nobody is said to send it: set `from` of message.yaml", "no_sender"
            )
        own = address("From", sender.address)
        signer = self._manner.signer
        if signer and not aligned(own.domain, signer.domain):
            raise NotAligned(f"the DKIM key is of {signer.domain}, the sender of {own.domain}")
        reply_to = _reply_to(sender.reply_to) if sender.reply_to else ""
        return_path = self._manner.return_path or ""
        begin = f"From: {mailbox('From', sender.name, own)}\r\n{reply_to}"
        mail_from: Address | None = own
        if return_path:
            mail_from = None if KEY_PLACE in return_path else _return_path(return_path, "")
        made = Skeleton(
            begin,
            f"{_about(message, own.domain)}{self._further}MIME-Version: 1.0\r\n",
            own.domain,
            return_path,
            mail_from,
            not (begin + return_path).isascii(),
        )
        if len(self._skeletons) >= _MOST_SKELETONS:
            self._skeletons.clear()
        self._skeletons[_common(message)] = made
        return made


_MOST_SKELETONS = 10_000
_Common = tuple[Sender | None, str, str, str, str, str | None]


def _common(message: OutgoingMessage) -> _Common:
    """Return what the skeleton of a message depends on."""
    return (
        message.sender, message.purpose, message.flow, message.step, message.project,
        message.topic,
    )  # fmt: skip


def aligned(sending: str, signing: str) -> bool:
    """Return whether DMARC counts two domains as one organisation's, as far as names tell.

    Relaxed alignment (RFC 7489, 3.1.1) compares organisational domains; without the list of public
    suffixes, one domain must be the other or lie below it.
    """
    return sending == signing or sending.endswith(f".{signing}") or signing.endswith(f".{sending}")


def _about(message: OutgoingMessage, domain: str) -> str:
    """Return the headers that tell machines what kind of mail this is (RFC 3834, RFC 2919)."""
    project, flow, step = label(message.project), label(message.flow), label(message.step)
    lines = [
        f"Feedback-ID: {flow}:{step}:{project}:{domain}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
    ]
    if message.purpose == "marketing":
        of_list = ".".join(part for part in (label(message.topic or "all"), project) if part)
        lines += [f"List-Id: <{of_list}.{domain}>", "Precedence: bulk"]
    return "".join(f"{line}\r\n" for line in lines)


def _leaving(unsubscribe: Unsubscribe | None) -> str:
    """Return the headers of one-click unsubscribing (RFC 8058, RFC 2369), unfolded.

    Some relays break the signature of a folded ``List-Unsubscribe``.
    """
    if unsubscribe is None:
        raise HeaderRefused(
            "there is no unsubscribe link: set links.base_url in project.yaml", "no_unsubscribe"
        )
    if not _URL.match(clean("unsubscribe link", unsubscribe.url)):
        raise HeaderRefused(
            "the unsubscribe link does not begin with https://: set links.base_url so",
            "no_unsubscribe",
        )
    ways = f"<{unsubscribe.url}>"
    if unsubscribe.mailto:
        to = address("unsubscribe address", unsubscribe.mailto)
        spec = to.spec if _NEEDS_NO_QUOTE.match(to.spec) else quote(to.spec, safe="@+.=_-")
        ways += f", <mailto:{spec}>"
    return f"List-Unsubscribe: {ways}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def _reply_to(text: str) -> str:
    name, spec = parted(text)
    return f"Reply-To: {mailbox('Reply-To', name, address('Reply-To', spec))}\r\n"


def _return_path(pattern: str, key: str) -> Address:
    return address("return path", pattern.replace(KEY_PLACE, key))


def _further(name: str, text: str) -> str:
    if not _HEADER_NAME.match(name) or name.lower() in OWN_HEADERS:
        raise HeaderRefused(f"a header {name[:60]!r} cannot be added")
    if not text.isascii():
        raise HeaderRefused(f"the {name} holds more than ASCII")
    return unstructured(name, text)


@lru_cache(maxsize=1_024)
def _date(instant: datetime) -> str:
    """Return an aware instant as RFC 5322, 3.3 writes it, in UTC; names of days are English."""
    utc = instant.astimezone(UTC)
    return (
        f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d} "
        f"{utc.hour:02d}:{utc.minute:02d}:{utc.second:02d} +0000"
    )
