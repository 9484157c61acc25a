"""The links of one message: signed for it, short, and working for as long as somebody keeps it.

A link's token says which message it came in and what it is about; the message's business key
says whose project and which customer. No address is in it, and it does not expire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from orchestrator.channels.file import KeyParts, parts_of
from orchestrator.channels.mail.settings import EmailSettings
from orchestrator.channels.message import Unsubscribe
from orchestrator.playbook.model import Playbook
from orchestrator.render.context import LINK_PATHS
from orchestrator.signing import Keys

Page = Literal["unsubscribe", "preferences"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a link stands for."""

    page: Page
    key: str
    """The business key of the message it came in."""
    message: KeyParts
    """The same, in its parts."""
    topic: str | None
    """What the message was about, where that is marketing; None is all marketing."""
    mail: str | None = None
    """Which mail it came by: one that is read again is no new wish, as opening a link is."""


@dataclass(frozen=True)
class Links:
    """Makes the links of messages, and reads them back."""

    keys: Keys
    project: str
    base_url: str | None
    """``links.base_url``; without it there are no links to make, and old ones still read."""
    by_mail: str | None = None
    """``unsubscribe_by_mail`` of the channel email, with ``{token}``."""

    def in_templates(self, key: str, topic: str | None) -> dict[str, str]:
        """Return what templates see as ``links``.

        Args:
            key: the message's business key.
            topic: its marketing topic; None for links that are about all marketing.
        """
        if self.base_url is None:
            return {}
        return {page: self._url(page, key, topic) for page in _PAGES}

    def unsubscribe(
        self, key: str, topic: str | None, provider_key: str | None = None
    ) -> Unsubscribe | None:
        """Return how the receiver of a marketing message ends it; None without a base.

        Args:
            provider_key: of a mail: it stands in the address to write to.
        """
        if self.base_url is None:
            return None
        by_mail = None
        if self.by_mail and provider_key:
            token = provider_key + self.keys.proof("unsubscribe_by_mail", provider_key)
            by_mail = self.by_mail.replace(TOKEN_PLACE, token)
        return Unsubscribe(self._url("unsubscribe", key, topic), by_mail)

    def read(self, page: Page, token: str) -> Wish | None:
        """Return what a token stands for; None unless it is this project's, for this page."""
        payload = self.keys.payload(page, token)
        topic, _, key = (payload or "").partition(".")
        message = parts_of(key)
        if message is None or message.project != self.project:
            return None
        return Wish(page, key, message, unquote(topic) or None)

    def _url(self, page: Page, key: str, topic: str | None) -> str:
        scope = quote(topic or "", safe="").replace(".", "%2E")
        token = self.keys.token(page, f"{scope}.{key}")
        return f"{(self.base_url or '').rstrip('/')}/{LINK_PATHS[page]}/{token}"


_PAGES: tuple[Page, ...] = ("unsubscribe", "preferences")
TOKEN_PLACE = "{token}"  # noqa: S105  # where it goes, not what it is


def links_of(playbook: Playbook, keys: Keys) -> Links:
    """Return what makes the links of a project's messages."""
    said = playbook.project.links
    mail = playbook.channels.get("email")
    by_mail = mail.unsubscribe_by_mail if isinstance(mail, EmailSettings) else None
    return Links(keys, str(playbook.project.project), said.base_url if said else None, by_mail)


def marketing_topic(playbook: Playbook, topic: str | None) -> str | None:
    """Return a message's topic if it is one of marketing: what a link in it can be about."""
    declared = playbook.catalog.topics or {}
    found = declared.get(topic) if topic else None  # type: ignore[call-overload]  # a Name is its text
    return topic if found is not None and found.purpose == "marketing" else None
