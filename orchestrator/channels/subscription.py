"""A browser's push subscription, as ``PushSubscription.toJSON()`` writes it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

_LONGEST_HOST = 260
"""Characters of a name with its port (RFC 1035, 2.3.4)."""


@dataclass(frozen=True)
class Subscription:
    """A browser's: where to post, and the keys that only it can open."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    @property
    def service(self) -> str:
        """The push service, as ``host`` or ``host:port``; empty if the endpoint names none."""
        try:
            parts = urlsplit(self.endpoint)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return ""
        name = f"{host}:{port}" if port and host else host
        return name if len(name) <= _LONGEST_HOST and name.isascii() and name.isprintable() else ""


def subscription_of(token: str) -> Subscription | str | None:
    """Return a browser's subscription; a sentence if it is broken; None if it is an app's token."""
    if not token.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(token)
        keys = found["keys"]
        endpoint = found["endpoint"]
        p256dh, auth = from_base64url(keys["p256dh"]), from_base64url(keys["auth"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "the subscription cannot be read"
    if not isinstance(endpoint, str) or len(p256dh) != 65 or len(auth) != 16:
        return "the subscription has keys of another size"
    return Subscription(endpoint, p256dh, auth)


def from_base64url(text: str) -> bytes:
    """Return what base64url says, padded or not.

    Raises:
        ValueError: it is none.
    """
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
