"""DKIM: signing what leaves, so that receivers know whose it is (RFC 6376, RFC 8463).

Canonicalisation is relaxed/relaxed, the one that survives what relays do. The signature covers
both unsubscribe headers, which RFC 8058 section 4 asks for, and says once more than they occur
of the headers that nobody must be able to add.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

COVERED = (
    "from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type",
    "list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id",
)  # fmt: skip
"""What is signed of the headers that a message has (RFC 6376, 5.4.1)."""
SEALED = ("from", "to", "subject", "reply-to")
"""What is signed once more than it occurs: a second one would break the signature."""
LEAST_BITS, USUAL_BITS = 1024, 2048
"""Of an RSA key: what signers must have, and what they should (RFC 8301, 3.2)."""
_HEADER = re.compile(rb"([^:\r\n]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
_BLANKS = re.compile(rb"[ \t\r\n]+")
_BLANKS_OF_LINE = re.compile(rb"[ \t]+")
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?\Z", re.IGNORECASE)
_BASE64_LINE = 72


class UnusableKey(ValueError):
    """A private key that cannot sign mail; the text never shows it."""


class DkimSigner:
    """Signs the messages of one domain with the key of one selector.

    Args:
        domain: in ASCII and lower case; the ``d=`` of the signature.
        selector: below ``_domainkey.<domain>`` the public key is published.
        key: a private key in PEM, RSA or Ed25519, without a passphrase.
    Raises:
        UnusableKey: the key or the selector cannot be used.

    Attributes:
        is_weak: the key signs, and has fewer bits than signers should use.
    """

    def __init__(self, domain: str, selector: str, key: bytes) -> None:
        if not _SELECTOR.match(selector):
            raise UnusableKey("the DKIM selector is not a name such as s2026")
        self.domain = domain
        self._algorithm, self._sign, self.is_weak = _signing(key)
        self._first = (
            f"DKIM-Signature: v=1; a={self._algorithm}; c=relaxed/relaxed; d={domain};"
            f" s={selector};\r\n h="
        )

    def signature(self, head: bytes, body: bytes) -> bytes:
        """Return the header that signs headers and body, ended with CRLF.

        Args:
            head: the headers, each ended with CRLF, without the empty line below them.
            body: ended with CRLF, as it will leave.
        """
        headers = [(name.lower(), name, value) for name, value in _HEADER.findall(head)]
        named, signed = _covered(headers)
        hashed = b64encode(sha256(relaxed_body(body)).digest()).decode()
        bare = f"{self._first}{named};\r\n bh={hashed};\r\n b="
        own = _relaxed(b"dkim-signature", bare.partition(":")[2].encode())
        given = b64encode(self._sign(signed + own.removesuffix(b"\r\n"))).decode()
        cut = [given[at : at + _BASE64_LINE] for at in range(0, len(given), _BASE64_LINE)]
        return (bare + "\r\n ".join(cut) + "\r\n").encode()


def relaxed_body(body: bytes) -> bytes:
    """Return a body as it is hashed (RFC 6376, 3.4.4)."""
    if b"  " in body or b"\t" in body or b" \r\n" in body:
        body = _BLANKS_OF_LINE.sub(b" ", body).replace(b" \r\n", b"\r\n")
    if body.endswith(b"\r\n\r\n") or body == b"\r\n":
        body = body.rstrip(b"\r\n") + b"\r\n"
        return b"" if body == b"\r\n" else body
    return body


def _relaxed(name: bytes, value: bytes) -> bytes:
    """Return one header as it is signed (RFC 6376, 3.4.2); the name is in lower case."""
    return b"%s:%s\r\n" % (name, _BLANKS.sub(b" ", value).strip(b" "))


def _covered(headers: list[tuple[bytes, bytes, bytes]]) -> tuple[str, bytes]:
    """Return (the names for ``h=``, the headers as they are signed), in one order."""
    there = Counter(lower for lower, _, _ in headers)
    names = [name for name in COVERED if there[name.encode()]]
    values = {lower: value for lower, _, value in headers}
    signed = b"".join(_relaxed(name.encode(), values[name.encode()]) for name in names)
    return ":".join((*names, *SEALED)), signed


def _signing(key: bytes) -> tuple[str, Callable[[bytes], bytes], bool]:
    """Return (the ``a=`` of a key, what signs with it, whether it is weak)."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - only who signs needs it
    from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415 - the same
        ed25519,
        padding,
        rsa,
    )

    private = _loaded(key)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        of_digest = private.sign
        return "ed25519-sha256", lambda signed: of_digest(sha256(signed).digest()), False
    if not isinstance(private, rsa.RSAPrivateKey):
        raise UnusableKey("the DKIM key is neither RSA nor Ed25519")
    if private.key_size < LEAST_BITS:
        raise UnusableKey(
            f"the DKIM key has fewer than {LEAST_BITS} bits; make one of {USUAL_BITS}"
        )
    sign, filling, digest = private.sign, padding.PKCS1v15(), hashes.SHA256()
    is_weak = private.key_size < USUAL_BITS
    return "rsa-sha256", lambda signed: sign(signed, filling, digest), is_weak


def _loaded(key: bytes) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        load_pem_private_key,
    )

    try:
        return load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKey("the DKIM key is not a private key in PEM without a passphrase") from None


@dataclass(frozen=True)
class PublicKey:
    """The public half of a key that signs, as receivers find it."""

    kind: str
    """``rsa`` or ``ed25519``."""
    text: str
    """In base64: of RSA the whole structure (X.509), of Ed25519 its 32 octets (RFC 8463)."""

    @property
    def record(self) -> str:
        """The text to publish."""
        return f"v=DKIM1; k={self.kind}; p={self.text}"

    def is_published_as(self, kind: str, text: str) -> bool:
        """Return whether ``k=`` and ``p=`` of a record are this key; RSA in PKCS #1 form too."""
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
            load_der_public_key,
        )

        if kind.lower() != self.kind or text == self.text or self.kind != "rsa":
            return kind.lower() == self.kind and text == self.text
        try:
            said = load_der_public_key(b64decode(text))
        except (ValueError, UnsupportedAlgorithm):
            return False
        return said == load_der_public_key(b64decode(self.text))


def public_key(key: bytes) -> PublicKey:
    """Return the public half of a private key in PEM.

    Raises:
        UnusableKey: it cannot sign mail.
    """
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        Encoding,
        PublicFormat,
    )

    algorithm, *_ = _signing(key)
    public = _loaded(key).public_key()
    if algorithm.startswith("ed25519"):
        return PublicKey("ed25519", _text(public.public_bytes(Encoding.Raw, PublicFormat.Raw)))
    whole = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey("rsa", _text(whole))


def _text(octets: bytes) -> str:
    return b64encode(octets).decode()
