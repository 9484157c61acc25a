"""Push messages to apps: Firebase Cloud Messaging, HTTP v1.

Sources: Firebase, "REST: projects.messages.send", "FCM error codes"; RFC 7523 (a signed claim
for an access token).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred, refused, rejected, unknown
from orchestrator.channels.reach import NotReachable
from orchestrator.channels.web import (
    Answer,
    NoAnswer,
    NotTaken,
    Web,
    attempt,
    by_api_status,
    by_status,
    compact_json,
    retry_after,
    wrong_with,
)
from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault

FIREBASE = "https://fcm.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EARLY_SECONDS = 300.0
"""A token is renewed so long before it runs out."""
_USUAL_SECONDS, _LONGEST_SECONDS = 3_600, 86_400
"""How long tokens last as a rule; what is longer, or no number, is not believed."""
_DEAD = frozenset(("UNREGISTERED", "SENDER_ID_MISMATCH"))
_LONGEST_LIFE = timedelta(days=28)
"""For how long it keeps a message at most; a longer ``ttl`` is refused as an error."""
_APPLE_ID = 64
"""Octets that Apple takes as ``apns-collapse-id``."""


class Firebase:
    """One service account's end of the wire. For one thread at a time."""

    def __init__(self, service_account: str, url: str, web: Web) -> None:
        """Read the account.

        Raises:
            EnvironmentFault: it is no JSON key of a service account.
        """
        try:
            found = json.loads(service_account)
            self._project, self._mail = found["project_id"], found["client_email"]
            self._key, self._token_url = found["private_key"], found["token_uri"]
        except (ValueError, KeyError, TypeError):
            raise EnvironmentFault(
                "firebase.service_account is no JSON key of a service account",
                help="Firebase console: Project settings, Service accounts, Generate private key",
            ) from None
        self._url, self._web = url.rstrip("/"), web
        self._token, self._renew_at = "", 0.0

    def send(
        self, message: OutgoingMessage, content: Mapping[str, Any], left: timedelta | None
    ) -> Outcome:
        """Make one attempt.

        Args:
            left: how long it may still be delivered; None is for ever.
        """
        refusal = self._authorize()
        if refusal is not None:
            return refusal
        body = {"message": posted(message, content, left)}

        def read(answer: Answer) -> Outcome:
            outcome = read_answer(answer)
            if outcome.kind == "refused" and answer.status in (401, 403):
                self._renew_at = 0.0  # the next attempt asks for another token
            return outcome

        return attempt(
            lambda: self._web.post(self._send_url, compact_json(body), self._headers), read
        )

    def check(self) -> Sequence[str]:
        """Return what keeps the account from getting a token, or a url that leads nowhere."""
        refusal = self._authorize()
        if refusal is not None or self._url == FIREBASE:
            return [str(refusal.detail)] if refusal is not None else []

        def ask() -> Answer:
            return self._web.exchange("OPTIONS", self._send_url, b"", self._headers)

        return wrong_with(ask, read_answer, ask)

    @property
    def _send_url(self) -> str:
        return f"{self._url}/v1/projects/{self._project}/messages:send"

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token}", "content-type": "application/json"}

    def close(self) -> None:
        """Let go of connections; the token is kept."""
        self._web.close()

    def _authorize(self) -> Outcome | None:
        """See that there is a token; return why there is none."""
        if time.monotonic() < self._renew_at:
            return None
        import jwt  # noqa: PLC0415 - costs cryptography

        now = int(utcnow().timestamp())
        claim = {
            "iss": self._mail,
            "scope": SCOPE,
            "aud": self._token_url,
            "iat": now,
            "exp": now + 3600,
        }
        try:
            signed = jwt.encode(claim, self._key, algorithm="RS256")
        except (ValueError, TypeError):
            return refused("the service account's private key cannot be read", code="bad_key")
        form = urlencode({"grant_type": _GRANT, "assertion": signed}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        try:
            answer = self._web.post(self._token_url, form, headers)
        except (NotTaken, NoAnswer, NotReachable) as error:
            return deferred(f"no access token: {error}", code="no_token")
        if answer.status != 200:
            return _no_token(answer)
        found = answer.json()
        token = found.get("access_token") if isinstance(found, dict) else None
        if not (isinstance(token, str) and token.isascii() and token.isprintable() and token):
            return deferred("no access token in the answer", code="no_token")
        self._token = token
        self._renew_at = time.monotonic() + _good_for(found.get("expires_in"))
        return None


def _good_for(lasts: Any) -> float:
    """Return for how many seconds a token is used of which the server says how long it lasts."""
    is_span = isinstance(lasts, int | float) and 0 <= lasts <= _LONGEST_SECONDS
    return max(60.0, (lasts if is_span else _USUAL_SECONDS) - _EARLY_SECONDS)


def _no_token(answer: Answer) -> Outcome:
    """Return what an answer of the token's server means: no message has left yet."""
    said = f"no access token: HTTP {answer.status}"
    likely = by_status(answer)
    if likely.kind in ("rejected", "refused"):
        return refused(said, code="no_token")
    return deferred(said, code="no_token", retry_after=likely.retry_after)


def posted(
    message: OutgoingMessage, content: Mapping[str, Any], left: timedelta | None
) -> dict[str, Any]:
    """Return the message as the API takes it; what a template says itself stays as it is."""
    plain = {"title", "body", "image"} >= content.keys()
    found: dict[str, Any] = {"notification": dict(content)} if plain else dict(content)
    found["token"] = message.to
    found["data"] = {**_object(found.get("data")), "clm_key": message.provider_key}
    android, apple = _object(found.get("android")), _object(found.get("apns"))
    found["android"] = {"collapse_key": message.provider_key, **android}
    headers = {
        "apns-collapse-id": message.provider_key[:_APPLE_ID],
        **_object(apple.get("headers")),
    }
    found["apns"] = {**apple, "headers": headers}
    if left is not None:
        seconds = int(min(left, _LONGEST_LIFE).total_seconds())
        found["android"].setdefault("ttl", f"{seconds}s")
        headers.setdefault("apns-expiration", str(int((utcnow() + left).timestamp())))
        browser = _object(found.get("webpush"))
        given = {"TTL": str(seconds), **_object(browser.get("headers"))}
        found["webpush"] = {**browser, "headers": given}
    return found


def read_answer(answer: Answer) -> Outcome:
    """Return what an answer of the API means."""
    found = answer.json()
    known: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if answer.status == 200:
        name = known.get("name")
        return (
            accepted(name)
            if isinstance(name, str) and name and "error" not in known
            else unknown("an answer without a name, or with an error")
        )
    code = _code(known)
    if code in _DEAD:
        return rejected(f"error {code}", code=code, is_dead_address=True)
    if code == "THIRD_PARTY_AUTH_ERROR":
        return refused("Apple, or the browser's maker, does not let the project in", code=code)
    if code == "QUOTA_EXCEEDED":
        after = retry_after(answer)
        return deferred(f"error {code}", code=code, retry_after=after, fault="message")
    return by_api_status(answer, code=code or None)


def _code(known: Mapping[str, Any]) -> str:
    """Return FCM's own code of an error, else the API's status."""
    error = _object(known.get("error"))
    details = error.get("details")
    for one in details if isinstance(details, list) else ():
        if isinstance(one, dict) and isinstance(one.get("errorCode"), str):
            return str(one["errorCode"])
    status = error.get("status")
    return status if isinstance(status, str) else ""


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
