"""Signatures: valid for a library that is not ours, and broken by whatever must break them."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable

import dkim
import pytest
from certificates import ed25519_key, published, rsa_key
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from letters import outgoing, written

from orchestrator.channels.mail.compose import NotAligned
from orchestrator.channels.mail.dkim import DkimSigner, UnusableKey, relaxed_body
from orchestrator.channels.message import Attachment, OutgoingMessage, Sender

Key = tuple[bytes, str]
PLACE = "s2026._domainkey.kopi.example"


@pytest.fixture(scope="module", params=[rsa_key, ed25519_key], ids=["rsa", "ed25519"])
def key(request: pytest.FixtureRequest) -> Key:
    made: Callable[[], Key] = request.param
    return made()


def signed(key: Key, message: OutgoingMessage) -> bytes:
    return written(message, signer=DkimSigner("kopi.example", "s2026", key[0]))


def is_valid(key: Key, octets: bytes) -> bool:
    found: bool = dkim.verify(octets, dnsfunc=published({PLACE: key[1]}))
    return found


@pytest.mark.parametrize(
    "message",
    [
        outgoing(),
        outgoing(html=None, text="one line"),
        outgoing(purpose="transactional", subject=None),
        outgoing(text="blanks  and\ttabs \n\n \n\n", html="<p>\t x  </p> \n\n\n"),
        outgoing(subject="日本語の件名 " * 30, to="ayu@mail.example"),
        outgoing(subject="a long subject of ASCII " * 20),
        outgoing(attachments=(Attachment("März.pdf", "application/pdf", bytes(range(256)) * 20),)),
        outgoing(sender=Sender("Käse & Kopi", "halo@mail.kopi.example")),
    ],
    ids=["marketing", "text", "transactional", "blanks", "words", "folded", "file", "subdomain"],
)
def test_another_library_finds_the_signature_valid(key: Key, message: OutgoingMessage) -> None:
    assert is_valid(key, signed(key, message))


def test_both_unsubscribe_headers_are_covered(key: Key) -> None:
    octets = signed(key, outgoing())
    covered = octets.partition(b" h=")[2].partition(b";")[0].split(b":")

    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"date"} <= set(covered)
    for header in (b"List-Unsubscribe: <https", b"List-Unsubscribe-Post: List"):
        assert not is_valid(key, octets.replace(header, header + b"X"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"kami rindu.", b"kami benci."), (b"To: ayu@", b"To: budi@"),
        (b"Subject: ", b"Subject: x"), (b"Date: Mon", b"Date: Tue"),
        (b"\r\nTo: ", b"\r\nSubject: another\r\nTo: "), (b"\r\nTo: ", b"\r\nFrom: a@b.example\r\nTo: "),
        (b"Kopi & Kain", b"Kopi & Co"), (b"text/html", b"text/plain"),
    ],
)  # fmt: skip
def test_a_changed_message_is_not_valid_any_more(key: Key, old: bytes, new: bytes) -> None:
    octets = signed(key, outgoing())
    assert old in octets
    assert is_valid(key, octets)

    assert not is_valid(key, octets.replace(old, new, 1))


def test_what_relays_do_to_blanks_does_no_harm(key: Key) -> None:
    octets = signed(key, outgoing())
    changed = octets.replace(b"Subject: ", b"subject:  ").replace(b"Hai Ayu,\r\n", b"Hai Ayu, \r\n")

    assert changed != octets
    assert is_valid(key, changed)


_CANONICAL = dkim.canonicalization.Relaxed.canonicalize_body


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["a", " ", "\t", "\r\n", ".", "é"]), max_size=30))
def test_bodies_are_hashed_as_another_library_hashes_them(pieces: list[str]) -> None:
    body = "".join(pieces).encode() + b"\r\n"

    assert relaxed_body(body) == _CANONICAL(body)


def test_a_sender_of_another_organisation_is_not_signed_for() -> None:
    with pytest.raises(NotAligned, match="evil.example"):
        signed(rsa_key(1024), outgoing(sender=Sender("", "a@evil.example")))


def test_a_key_that_no_receiver_believes_does_not_sign() -> None:
    made = subprocess.run(["openssl", "genrsa", "768"], capture_output=True, check=True)

    with pytest.raises(UnusableKey, match="fewer than 1024 bits; make one of 2048"):
        DkimSigner("kopi.example", "s2026", made.stdout)


def _on_a_curve() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "pem",
    [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
     base64.b64encode(b"x" * 300), _on_a_curve()],
    ids=["nothing", "text", "broken", "base64", "a curve"],
)  # fmt: skip
def test_what_cannot_sign_is_told_without_showing_it(pem: bytes) -> None:
    with pytest.raises(UnusableKey) as told:
        DkimSigner("kopi.example", "s2026", pem)

    assert "AAAA" not in str(told.value)


@pytest.mark.parametrize("selector", ["", "a b", "a;d=evil.example", "a\r\nBcc: x", "ä"])
def test_a_selector_cannot_leave_its_place(selector: str) -> None:
    with pytest.raises(UnusableKey):
        DkimSigner("kopi.example", selector, ed25519_key()[0])
