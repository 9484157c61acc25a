"""Messages for the suite: a plain one for each channel, and values that mean harm."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from orchestrator.channels.message import OutgoingMessage, Sender, Unsubscribe
from orchestrator.channels.spec import AddressKind, ChannelSpec

ADDRESSES: dict[AddressKind | None, str] = {
    "email": "ayu@mail.example",
    "phone": "+6281200000042",
    "push_token": "token-of-ayus-phone-0042",
    None: "",
}
CREATED_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ONE_LINE = (
    "to", "subject", "locale", "topic", "variant", "customer", "flow", "step", "message", "project",
    "sender.name", "sender.address", "sender.reply_to", "unsubscribe.url", "unsubscribe.mailto",
)  # fmt: skip
"""Fields of a message that stand on one line wherever a provider wants them."""
LONG = ("text", "html", "preheader")
INJECTED = b"X-Injected: 1"
HOSTILE = {
    "a line break": "x\r\nX-Injected: 1",
    "a bare line feed": "x\nX-Injected: 1",
    "a bare carriage return": "x\rX-Injected: 1",
    "a hidden line break": "=?utf-8?q?x=0D=0AX-Injected=3A_1?=",
    "a line separator": "x\u2028X-Injected: 1",
    "NUL": "x\x00y",
    "half a character": "x\ud800",
    "letters from right to left": "\u202egnp.exe",
    "emoji": "👩\u200d👩\u200d👧 🎉",
    "markup": '"><script>alert(1)</script>{{ 7 * 7 }}',
    "a path": "../../etc/passwd",
    "only spaces": "   ",
    "nothing": "",
    "a million characters": "x" * 1_000_000,
}
_numbers = count(1)


def sample_message(spec: ChannelSpec | None) -> OutgoingMessage:
    """Return a plain marketing message for a channel, unlike all others in its keys.

    Args:
        spec: the channel; None for an adapter that carries any.
    """
    number = next(_numbers)
    formats = spec.formats if spec else ("txt",)
    has_html = "html" in formats
    return OutgoingMessage(
        key=f"v1.kopi.c_{number}.welcome.1.hello.0.{spec.name if spec else 'sms'}.0",
        provider_key=provider_key(number),
        channel=spec.name if spec else "sms",
        message="hello",
        flow="welcome",
        step="hello",
        customer=f"c_{number}",
        to=ADDRESSES[spec.address if spec else "phone"],
        purpose="marketing",
        text=f"Selamat pagi, pesan nomor {number}.",
        created_at=CREATED_AT,
        subject=f"Pesan nomor {number}" if has_html else None,
        html=f"<p>Selamat pagi, pesan nomor {number}.</p>" if has_html else None,
        locale="id-ID",
        topic="newsletter",
        sender=Sender("Kopi & Kain", "hello@kopi.example"),
        unsubscribe=Unsubscribe(f"https://kopi.example/u/{number}"),
        project="kopi",
        decided_at=CREATED_AT,
        due_at=CREATED_AT,
    )


def provider_key(number: int) -> str:
    """Return a key as providers get it: 40 characters of A-Z and 2-7."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    digits = [letters[number >> (5 * place) & 31] for place in range(8)]
    return "K" * 32 + "".join(reversed(digits))
