"""Hostile values in every field: the headers that are read back are those that were meant.

``CLM_SOAK=1`` tries 10,000 in each; the seed of what failed is in the message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from email import message_from_string, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from random import Random
from typing import Any
from urllib.parse import unquote

import idna
import pytest
from letters import SENDER, UNSUBSCRIBE, lines, outgoing

from orchestrator.channels.mail.addresses import parted
from orchestrator.channels.mail.compose import Composer, Letter, Manner
from orchestrator.channels.mail.headers import HeaderRefused
from orchestrator.channels.message import Attachment, OutgoingMessage

COUNT = 10_000 if os.environ.get("CLM_SOAK") else 200
NAMES = [
    "From", "Reply-To", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe",
    "List-Unsubscribe-Post", "Feedback-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "List-Id",
    "Precedence", "MIME-Version", "Content-Type",
]  # fmt: skip
PIECES = [
    "\r\n", "\n", "\r", "\0", "\t", " ", "  ", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029",
    "\u202e", "\ud800", "\ufeff", "\x7f", "Bcc: x@evil.example", "\r\n ", "\r\nBcc: x@evil.example\r\n",
    "\n\nbody", "\r\n.\r\nMAIL FROM:<x@evil.example>", "=?utf-8?q?a=0D=0ABcc=3A_x=40evil.example?=",
    "=?utf-8?b?DQpCY2M6IHhAZXZpbC5leGFtcGxl?=", "=?", "?=", "=0D=0A", "%0d%0a", "&#13;&#10;", "\\r\\n",
    '"', "\\", '\\"', "<", ">", "(", ")", ",", ";", ":", "@", "[", "]", "a@b.example", "<a@b.example>",
    "a@b.example, c@d.example", "..", ".", "/", "../", "'", "`", "|", "$(x)", "{{ 7*7 }}", "{key}", "%s",
    "é", "ß", "日本語", "👩‍👩‍👧", "مرحبا", "e\u0301", "İ", "\uff45\uff58", "。", "xn--", "a" * 80, "b" * 999,
    "word ", "x", "Ayu", "1", "=", "_", "?", "*", "utf-8''", "; filename=x", "multipart/mixed", "text/plain",
    "\udc00", "\ud83d\ude00", "\uffff", "\U000e0041", "\u2066", "\u200b", "\u180e", "\x1b[2J", "\x08", "é" * 500, "語" * 340,
    "=??q?=0D=0ABcc=3A_x=40evil.example?=", "=?utf-8 ?q?=0D=0A?=", "=? utf-8?b?DQo=?=", "=?utf-8*en?q?=0A?=",
    "=?iso-8859-1?q?=0D=0A_?=", "=?utf-7?q?+AA0ACg-?=", "=?utf-8?q?a b?=", "=?utf-8?q?a?==?utf-8?q?b?=", "?q?=0A?=", "=?utf-8?q",
    "=?unknown-charset?b?DQo=?=", "=?utf-8?b?!!!?=", "=?" + "a" * 80 + "?q?=0D=0A?=", "=?utf-8?Q?=E2=80=A8?=", "=?utf-8?b?7aCA?=",
    "friends: a@b.example, c@d.example;", "undisclosed-recipients:;", "(a comment)", "(", "\\(", "((((", "a (b) <c@d.example> (e)",
    "<@a.example:b@c.example>", "a%b.example@c.example", '"a b"@c.example', '"a@b"@c.example', "a@[127.0.0.1]", "a@b.example.",
    "\uff20", "\u2024", "\uff0e", "\ufb00", "\u212a", "filename*=utf-8''%0d%0a", "; filename*0=a", '"; boundary="x', "; name=x", "\u00ad",
    "application/pdf", "https://", "https://kopi.example/u/", "mailto:", "#", "?next=//evil", "\u00a0", "\u3000",
]  # fmt: skip
Change = Callable[[str], dict[str, Any]]
FIELDS: dict[str, Change] = {
    "to": lambda value: {"to": value},
    "to's name": lambda value: {"to": f"{value}@mail.example"},
    "to's domain": lambda value: {"to": f"ayu@{value}.example"},
    "subject": lambda value: {"subject": value},
    "sender's name": lambda value: {"sender": replace(SENDER, name=value)},
    "sender's address": lambda value: {"sender": replace(SENDER, address=value)},
    "answers": lambda value: {"sender": replace(SENDER, reply_to=value)},
    "answers' name": lambda value: {"sender": replace(SENDER, reply_to=f"{value} <a@b.example>")},
    "the way to leave": lambda value: {"unsubscribe": replace(UNSUBSCRIBE, url=value)},
    "its end": lambda value: {"unsubscribe": replace(UNSUBSCRIBE, url=UNSUBSCRIBE.url + value)},
    "its address": lambda value: {"unsubscribe": replace(UNSUBSCRIBE, mailto=value)},
    "flow": lambda value: {"flow": value},
    "step": lambda value: {"step": value},
    "project": lambda value: {"project": value},
    "topic": lambda value: {"topic": value},
    "key": lambda value: {"provider_key": value},
    "text": lambda value: {"text": value},
    "html": lambda value: {"html": value},
    "preheader": lambda value: {"preheader": value},
    "locale": lambda value: {"locale": value},
    "message": lambda value: {"message": value},
    "file's name": lambda value: {"attachments": (Attachment(value, "text/plain", b"1"),)},
    "file's type": lambda value: {"attachments": (Attachment("a.txt", value, b"1"),)},
}


def hostile(chance: Random) -> str:
    """Return a value that means harm."""
    return "".join(chance.choices(PIECES, k=chance.choice((1, 1, 2, 3, 4, 5))))


@pytest.mark.parametrize("field", FIELDS)
def test_headers_are_read_back_as_they_were_meant(field: str) -> None:
    taken = 0
    for seed in range(COUNT):
        value = hostile(Random(f"{field} {seed}"))
        message = outgoing(**FIELDS[field](value))
        try:
            letter = Composer(Manner()).letter(message)
        except (HeaderRefused, UnicodeEncodeError):
            continue
        taken += 1
        assert all(len(line) <= 998 for line in lines(letter.octets))
        assert found(letter.octets) == meant(message), f"{field}, seed {seed}: {value!r}"
        assert said_of(letter) == envelope(message), f"{field}, seed {seed}: {value!r}"
    assert taken, "nothing was tried but refusals"


def meant(message: OutgoingMessage) -> dict[str, Any]:
    """Return what a mail must say."""
    sender = message.sender
    assert sender is not None
    own = in_ascii(sender.address)
    answers = parted(sender.reply_to or "")
    said = {"Reply-To": sender.reply_to, "Subject": message.subject}
    leave = message.unsubscribe
    assert leave is not None
    domain = own.rpartition("@")[2]
    return {
        "headers": [name for name in NAMES if said.get(name, "yes")],
        "to leave": [leave.url, f"mailto:{in_ascii(leave.mailto or '')}"][: 1 + bool(leave.mailto)],
        "feedback": [message.flow, message.step, message.project, domain],
        "list": f"{'.'.join(filter(None, (message.topic or 'all', message.project)))}.{domain}",
        "from": [(sender.name.strip(" \t"), own)],
        "answers": [(answers[0].strip(), in_ascii(answers[1]))] if sender.reply_to else [],
        "to": [("", in_ascii(message.to))],
        "subject": (message.subject or "").strip(" \t"),
        "key": f"<{message.provider_key}@{domain}>",
        "texts": [as_read(message.text), as_read(message.html or "")],
        "files": [one.name.strip() for one in message.attachments],
    }


def envelope(message: OutgoingMessage) -> list[str]:
    """Return whom a server is told, sender and receiver, each in one command."""
    assert message.sender is not None
    return [f"<{in_ascii(one)}>" for one in (message.sender.address, message.to)]


def said_of(letter: Letter) -> list[str]:
    """Return what stands in the two commands, none of which can be read as more than one."""
    said = [f"<{one.spec}>" for one in (letter.mail_from, letter.to)]
    assert not any(re.search(r"[\s<>\0-\x1f\x7f-\x9f]", one[1:-1]) for one in said)
    return said


def found(octets: bytes) -> dict[str, Any]:
    """Return what the standard library reads out of a mail."""
    read = message_from_string(octets.decode(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return {
        "headers": read.keys(),
        "to leave": [
            unquote(way) if way.startswith("mailto:") else way
            for way in re.findall(r"<([^<>]*)>", read["List-Unsubscribe"])
        ],
        "feedback": [labelled(one) for one in read["Feedback-ID"].split(":")],
        "list": labelled(read["List-Id"].removeprefix("<").removesuffix(">")),
        "from": named(octets, "From"),
        "answers": named(octets, "Reply-To"),
        "to": named(octets, "To"),
        "subject": read["Subject"] or "",
        "key": read["Message-ID"],
        "texts": [
            as_read(part.get_content())
            for part in read.walk()
            if part.get_content_maintype() == "text" and not part.is_attachment()
        ],
        "files": [
            part["Content-Disposition"].params["filename"].strip()
            for part in read.iter_attachments()
        ],
    }


def named(octets: bytes, header: str) -> list[tuple[str, str]]:
    """Return (name, address) of whom a header names.

    Not by ``headerregistry``: of names in several encoded words, it parts the words.
    """
    read = message_from_string(octets.decode(), policy=policy.compat32)
    pairs = getaddresses([one.replace("\r\n", "") for one in read.get_all(header, [])])
    return [(str(make_header(decode_header(name))), address) for name, address in pairs]


def labelled(text: str) -> str:
    """Return the name that a label stands for."""
    return unquote(text, errors="surrogatepass")


def in_ascii(address: str) -> str:
    local, _, domain = address.strip(" \t").rpartition("@")
    return f"{local}@{domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()}"


def as_read(text: str) -> str:
    """Return a text with the line ends that any reader would make of its own."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n")
