"""What mail that came back says: bounces, complaints, wishes to leave, and what says nothing.

| mail | read as |
|---|---|
| a delivery report (RFC 3464), failed for good (5.x.x) | ``bounced`` |
| one of a delay (4.x.x), or of success | ``delayed``, ``other`` |
| a feedback report (RFC 5965) of abuse or fraud | ``complained`` |
| to an address of ``unsubscribe_by_mail`` | ``unsubscribed`` |
| an automatic answer (RFC 3834), a receipt of reading (RFC 8098) | ``automatic`` |
| anything else | ``other`` |

What a mail is about stands in an address that was made for one message, else in the
``Message-ID`` of the message it returns: our key, which nobody can guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Literal

from orchestrator.channels.mail.incoming import Fields, IncomingPart, fields_of, groups, mail
from orchestrator.channels.mail.replies import says_no_mailbox

MailKind = Literal["bounced", "delayed", "complained", "unsubscribed", "automatic", "other"]

_KEY = r"(?<![A-Z2-7])([A-Z2-7]{40})([A-Z2-7]{12})?(?![A-Z2-7])[^@\s<>]{0,20}@"
_KEYED = (re.compile(_KEY), re.compile(_KEY, re.IGNORECASE))
"""A key, and the proof behind it of an address to leave by. As it was written, else as servers
write it that know one case only."""
_SENT_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_STATUS = re.compile(r"\b([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")
_DEAD = re.compile(r"5\.(?:1\.(?![078]\Z)[0-9]+|2\.1|4\.4)\Z")
"""The address is none, or none any more (RFC 3463); 5.1.7 and 5.1.8 speak of the sender's."""
_VAGUE = re.compile(r"5\.(?:[05]\.[0-9]+|1\.0|4\.1)\Z")
"""Codes that may mean the address; the words of the server tell."""
_COMPLAINTS = ("abuse", "fraud")
_RETURNED = (
    "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global",
    "message/global-headers",
)  # fmt: skip
_STATUSES = ("message/delivery-status", "message/global-delivery-status")
_ANSWERS = ("x-autoreply", "x-autorespond", "x-auto-reply")


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """What one mail says."""

    kind: MailKind
    key: str | None = None
    """The provider key of the message it is about, if it names one."""
    proof: str = ""
    """Of ``unsubscribed``: what shows that the address was made by us."""
    id: str = ""
    """Of ``unsubscribed``: 32 characters by which the same mail is known when it is read again."""
    at: datetime | None = None
    """When it was written, UTC, as it says."""
    is_permanent: bool = False
    """Of ``bounced``: whether the address takes no mail for good."""
    code: str | None = None
    """Of a delivery report: ``5.1.1``."""
    addresses: frozenset[str] = frozenset()
    """Whom a delivery report is about, in lower case."""


def returned_mail(octets: bytes, recipients: Sequence[str] = ()) -> ReturnedMail:
    """Return what a mail says.

    Args:
        recipients: whom it was sent to, as the server says, beside what its headers say.
    """
    read = mail(octets)
    at = _instant(read.first("date"))
    to = [*recipients, *_values(read.fields, _SENT_TO)]
    parts = list(read.parts())
    if status := next((part for part in parts if part.type in _STATUSES), None):
        return _delivery(status, _key([*to, *_of_original(parts, read)]), at)
    if feedback := next((part for part in parts if part.type == "message/feedback-report"), None):
        said = fields_of(feedback.decoded())
        kind = "".join(said.get("feedback-type", ())[:1]).strip().lower()
        about = [*to, *said.get("original-mail-from", ()), *_of_original(parts, read)]
        if kind in _COMPLAINTS:
            return ReturnedMail("complained", _key(about), at=at)
        return ReturnedMail("other", at=at)
    key, proof = _keyed(to)
    submitted = read.first("auto-submitted").partition(";")[0].strip().lower()
    if proof and submitted != "auto-replied":
        return ReturnedMail("unsubscribed", key, proof, _id(read), at)
    return ReturnedMail("automatic" if _is_automatic(read, submitted) else "other", at=at)


def _delivery(status: IncomingPart, key: str | None, at: datetime | None) -> ReturnedMail:
    """Return what a delivery report says, all its receivers taken together."""
    receivers = [one for one in groups(status.decoded()) if "action" in one or "status" in one]
    judged = [_judged(one) for one in receivers]
    failed = [code for code, is_failed, _ in judged if is_failed and code.startswith("5")]
    if not failed:
        is_delayed = any(code.startswith("4") for code, _, _ in judged)
        return ReturnedMail("delayed" if is_delayed else "other", key, at=at)
    addresses = {
        value.rpartition(";")[2].strip(" <>").lower()
        for one in receivers
        for value in _values(one, ("original-recipient", "final-recipient"))
    }
    return ReturnedMail(
        "bounced",
        key,
        at=at,
        is_permanent=all(is_dead for _, _, is_dead in judged),
        code=failed[0],
        addresses=frozenset(addresses),
    )


def _judged(receiver: Fields) -> tuple[str, bool, bool]:
    """Return (status, whether delivery failed, whether the address is dead) of one receiver."""
    said = " ".join(_values(receiver, ("diagnostic-code",)))
    codes = [found[0] for found in _STATUS.finditer(" ".join(_values(receiver, ("status",))))]
    if not codes or codes[0].endswith(".0.0"):
        codes = [*(found[0] for found in _STATUS.finditer(said)), *codes]
    code = codes[0] if codes else ""
    action = "".join(receiver.get("action", ())[:1]).partition(" ")[0].lower()
    is_failed = action == "failed" or not action
    is_dead = bool(_DEAD.match(code) or (_VAGUE.match(code) and says_no_mailbox(said)))
    return code, is_failed, is_failed and is_dead


def _is_automatic(read: IncomingPart, submitted: str) -> bool:
    """Return whether a mail is the answer of a machine: somebody is away, has read ours."""
    return (
        submitted not in ("", "no")
        or read.first("precedence").strip().lower() == "auto_reply"
        or any(name in read.fields for name in _ANSWERS)
        or read.parameter("report-type").lower() == "disposition-notification"
    )


def _id(read: IncomingPart) -> str:
    """Return what tells a mail from others, whichever way it arrived."""
    said = [read.first(name) for name in ("message-id", "date", "from", "subject")]
    return sha256("\n".join(said).encode("utf-8", "replace")).hexdigest()[:32]


def _of_original(parts: Iterable[IncomingPart], read: IncomingPart) -> Iterator[str]:
    """Yield the ids of the message that a report returns, or says it answers."""
    for part in parts:
        if part.type in _RETURNED:
            head = part.decoded().lstrip(b"\r\n").partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
            yield from _values(fields_of(head), ("message-id", "return-path"))
    yield from _values(read.fields, ("in-reply-to", "references"))


def _values(fields: Fields, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from fields.get(name, ())


def _key(texts: Iterable[str]) -> str | None:
    return _keyed(texts)[0]


def _keyed(texts: Iterable[str]) -> tuple[str | None, str]:
    """Return the (key, proof) of the first address that has a key in it."""
    for text in texts:
        for pattern in _KEYED:
            if found := pattern.search(text):
                return found[1].upper(), (found[2] or "").upper()
    return None, ""


def _instant(date: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(date)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
