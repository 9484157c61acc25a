"""The ``push`` adapter: to apps over Firebase, to browsers over the Web Push protocol.

Which of the two, the customer's token says: a browser's subscription is a JSON object, an app's
token is not. What each is sent stands in ``push_firebase`` and ``push_web``.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, rejected
from orchestrator.channels.push_firebase import FIREBASE, Firebase
from orchestrator.channels.push_web import VapidKey, WebPush
from orchestrator.channels.reach import Reach
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import ContactShape, NetworkShape, SecretShape, UrlShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.channels.subscription import Subscription, subscription_of
from orchestrator.channels.web import Web
from orchestrator.clock import utcnow
from orchestrator.language.containers import ListOf
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.words import Rules, Sentence, word

LARGEST = 4_096
"""Octets of what a push carries, for Firebase, Apple and Web Push alike."""
_NO_FIREBASE = "an app's token, but push has no firebase in channels.yaml"
_NO_WEB_PUSH = "a browser's subscription, but push has no web_push in channels.yaml"


@dataclass(frozen=True, kw_only=True)
class FirebaseSettings(Sentence):
    """How Firebase Cloud Messaging is reached."""

    service_account: Secret = word(
        SecretShape("lines"),
        "The JSON key of a service account that may send.",
        called=("key", "credentials", "key_file", "server_key"),
    )
    url: str = word(UrlShape(), "Another server of the same API.", default=FIREBASE)


@dataclass(frozen=True, kw_only=True)
class WebPushSettings(Sentence):
    """How we are known to browsers' push services."""

    key: Secret = word(
        SecretShape("lines"),
        "The VAPID key: a P-256 private key, PEM or base64url.",
        called=("vapid", "vapid_key", "private_key", "vapid_private_key"),
    )
    contact: str = word(
        ContactShape(),
        "Whom a push service asks: mailto:… or https://….",
        called=("subject", "sub", "email"),
    )
    allow: tuple[str, ...] | None = word(
        ListOf(NetworkShape()),
        "Networks that may be called although they are not public.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class PushSettings(ChannelSettings):
    """Sends push messages to apps, to browsers, or to both."""

    rules = Rules(any_of=(("firebase", "web_push"),))

    firebase: FirebaseSettings | None = word(
        SentenceOf(FirebaseSettings, "Firebase"),
        "For apps.",
        default=None,
        called=("fcm", "apps"),
    )
    web_push: WebPushSettings | None = word(
        SentenceOf(WebPushSettings, "Web Push"),
        "For browsers.",
        default=None,
        called=("webpush", "vapid", "browsers"),
    )


class PushChannel(Channel):
    """One request per message; a repeated one replaces the first where it was not yet seen."""

    name = "push"
    spec = CHANNELS["push"]
    capabilities = Capabilities(expiry=True, collapse=True, timeout=timedelta(seconds=30))
    Settings = PushSettings

    def __init__(self, settings: PushSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        timeout = self.capabilities.timeout
        self._firebase = _firebase(settings.firebase, timeout)
        self._web_push = _web_push(settings.web_push, timeout)

    def send(self, message: OutgoingMessage) -> Outcome:
        left = message.left((self.surroundings.clock or utcnow)())
        if left is not None and not left:
            return rejected("its time is over", code="expired")
        content = content_of(message)
        if isinstance(content, Outcome):
            return content
        subscription = subscription_of(message.to)
        if subscription is None:
            if self._firebase is None:
                return rejected(_NO_FIREBASE, code="no_firebase")
            return self._firebase.send(message, content, left)
        if isinstance(subscription, Subscription):
            if self._web_push is None:
                return rejected(_NO_WEB_PUSH, code="no_web_push")
            return self._web_push.send(message, subscription, content, left)
        return rejected(subscription, code="bad_subscription", is_dead_address=True)

    def check(self) -> Sequence[str]:
        return [*self._firebase.check()] if self._firebase is not None else []

    def close(self) -> None:
        for one in (self._firebase, self._web_push):
            if one is not None:
                one.close()


def content_of(message: OutgoingMessage) -> Mapping[str, Any] | Outcome:
    """Return ``{title, body}``, or what a JSON template prints; else why it cannot be sent."""
    title = {"title": message.subject} if message.subject else {}
    found: Any = json.loads(message.text) if message.is_json else {**title, "body": message.text}
    if not isinstance(found, dict):
        return rejected("the template prints no object", code="bad_template")
    try:
        size = len(json.dumps(found, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return rejected("a value holds half a character", code="bad_value")
    if size > LARGEST:
        return rejected(f"takes {size} octets, {LARGEST} are possible", code="too_large")
    return dict(found)


def _firebase(settings: FirebaseSettings | None, timeout: timedelta) -> Firebase | None:
    if settings is None:
        return None
    web = Web(Reach(everywhere=True), timeout / 2)  # an attempt may need a token first
    return Firebase(settings.service_account.reveal(), settings.url, web)


def _web_push(settings: WebPushSettings | None, timeout: timedelta) -> WebPush | None:
    if settings is None:
        return None
    reach = Reach(tuple(ipaddress.ip_network(one) for one in settings.allow or ()))
    return WebPush(VapidKey(settings.key.reveal(), settings.contact), Web(reach, timeout))
