"""A mail of the sample shop, and how libraries that are not ours read it back."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from orchestrator.channels.mail.compose import Composer, Manner
from orchestrator.channels.message import OutgoingMessage, Sender, Unsubscribe

KEY = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZ"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SENDER = Sender("Kopi & Kain", "halo@kopi.example", "tanya@kopi.example")
UNSUBSCRIBE = Unsubscribe(
    "https://kopi.example/u/v1.a.b", f"leave+{KEY}ABCDEFGHIJKL@mail.kopi.example"
)
TEXT = "Hai Ayu,\n\nkami rindu. Kopi baru: 20 % lebih murah.\n"
HTML = "<!doctype html>\n<p>Hai Ayu,</p>\n<p>kami rindu – kopi baru!</p>\n"


def outgoing(**given: Any) -> OutgoingMessage:
    """Return a marketing mail; what is given replaces what it says."""
    standard: dict[str, Any] = {
        "key": "v1.kopi_kain.c_1.win_back.1.we_miss_you.0.email.0",
        "provider_key": KEY,
        "channel": "email",
        "message": "we_miss_you",
        "flow": "win_back",
        "step": "we_miss_you",
        "customer": "c_1",
        "to": "ayu@mail.example",
        "purpose": "marketing",
        "text": TEXT,
        "html": HTML,
        "created_at": AT,
        "subject": "Hai Ayu 👋",
        "topic": "newsletter",
        "sender": SENDER,
        "unsubscribe": UNSUBSCRIBE,
        "project": "kopi_kain",
    }
    return OutgoingMessage(**{**standard, **given})


def written(message: OutgoingMessage, **manner: Any) -> bytes:
    """Return the octets of a message."""
    return Composer(Manner(**manner)).letter(message).octets


def parsed(octets: bytes) -> EmailMessage:
    """Return what the standard library reads out of a mail."""
    read = message_from_bytes(octets, policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


def lines(octets: bytes) -> list[bytes]:
    """Return the lines of a mail, each of which ended with CRLF and held no other line end."""
    *found, last = octets.split(b"\r\n")
    assert last == b""
    assert not any(b"\r" in line or b"\n" in line for line in found)
    return found
