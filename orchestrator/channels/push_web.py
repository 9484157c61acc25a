"""Push messages to browsers: the Web Push protocol.

Sources: RFC 8030 (the protocol: TTL, Topic, Urgency, status codes), RFC 8291 (encryption), RFC
8292 (VAPID).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, rejected
from orchestrator.channels.subscription import Subscription, from_base64url
from orchestrator.channels.web import Answer, Web, attempt, by_status, compact_json
from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault

LONGEST_TTL = 28 * 24 * 3600
_TOPIC = 32
"""Characters of a ``Topic`` header (RFC 8030, 5.4)."""
_TOKEN_SECONDS = 12 * 3600
_EARLY_SECONDS = 3600.0


class VapidKey:
    """Who we are, to push services; signs a short token for each of them."""

    def __init__(self, text: str, contact: str) -> None:
        """Read a private key of the curve P-256: PEM, or its 32 octets in base64url.

        Raises:
            EnvironmentFault: it is none.
        """
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - costs 30 ms
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - the same

        try:
            if text.lstrip().startswith("-----"):
                loaded = serialization.load_pem_private_key(text.encode(), None)
            else:
                octets = from_base64url(text.strip())
                if len(octets) != 32:
                    raise ValueError
                loaded = ec.derive_private_key(int.from_bytes(octets), ec.SECP256R1())
            if (
                not isinstance(loaded, ec.EllipticCurvePrivateKey)
                or loaded.curve.name != "secp256r1"
            ):
                raise ValueError
        except (ValueError, TypeError):
            raise EnvironmentFault(
                "web_push.key is no private key of the curve P-256",
                help="openssl ecparam -name prime256v1 -genkey -noout -out vapid.pem",
            ) from None
        self._key, self._contact = loaded, contact
        self._tokens: dict[str, tuple[str, float]] = {}

    @cached_property
    def public(self) -> str:
        """The public key, as browsers are told it when they subscribe."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

        point = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return _to_base64(point)

    def authorization(self, endpoint: str) -> str:
        """Return the ``Authorization`` header for one push service (RFC 8292, 3)."""
        import jwt  # noqa: PLC0415 - costs cryptography

        parts = urlsplit(endpoint)
        audience = f"{parts.scheme}://{parts.netloc}"
        token, renew_at = self._tokens.get(audience, ("", 0.0))
        if time.monotonic() >= renew_at:
            until = int(utcnow().timestamp()) + _TOKEN_SECONDS
            claim = {"aud": audience, "exp": until, "sub": self._contact}
            token = jwt.encode(claim, self._key, algorithm="ES256")
            self._tokens[audience] = token, time.monotonic() + _TOKEN_SECONDS - _EARLY_SECONDS
        return f"vapid t={token}, k={self.public}"


class WebPush:
    """Posts to whatever push service a browser named. For one thread at a time."""

    def __init__(self, key: VapidKey, web: Web) -> None:
        self._key, self._web = key, web

    def send(
        self,
        message: OutgoingMessage,
        to: Subscription,
        content: Mapping[str, Any],
        left: timedelta | None,
    ) -> Outcome:
        """Make one attempt.

        Args:
            left: how long it may still be delivered; None is for ever.
        """
        body = _sealed(compact_json(content), to)
        if body is None:
            broken = "the subscription's key is no point of the curve"
            return rejected(broken, code="bad_subscription", is_dead_address=True)
        seconds = LONGEST_TTL if left is None else min(LONGEST_TTL, int(left.total_seconds()))
        headers = {
            "ttl": str(seconds),
            "topic": message.provider_key[:_TOPIC],
            "urgency": "normal",
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "authorization": self._key.authorization(to.endpoint),
        }
        outcome = attempt(lambda: self._web.post(to.endpoint, body, headers), read_answer)
        return _of_its_service(outcome)

    def close(self) -> None:
        """Let go of connections."""
        self._web.close()


def read_answer(answer: Answer) -> Outcome:
    """Return what a push service's answer means (RFC 8030, 5 and 8.4)."""
    if answer.status in (200, 201, 202):
        return accepted(answer.headers.get("location"))
    if answer.status in (404, 410):
        return rejected("the subscription is gone", code=str(answer.status), is_dead_address=True)
    return by_status(answer, detail=f"HTTP {answer.status}")  # its url is the browser's own


def _of_its_service(outcome: Outcome) -> Outcome:
    """Return an outcome whose trouble is one push service's: the customer has named it."""
    return replace(outcome, fault="domain") if outcome.fault == "provider" else outcome


def _sealed(content: bytes, to: Subscription) -> bytes | None:
    """Return content that only the browser can open; None if its key is none."""
    import http_ece  # noqa: PLC0415 - costs cryptography
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - the same

    own = ec.generate_private_key(ec.SECP256R1())
    try:
        sealed: bytes = http_ece.encrypt(
            content, private_key=own, dh=to.p256dh, auth_secret=to.auth, version="aes128gcm"
        )
    except ValueError:
        return None
    return sealed


def _to_base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
