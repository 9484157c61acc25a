"""The ``chat`` adapter: a message to where the team reads, over Apprise.

Apprise knows Slack, Teams, Discord, Telegram, Matrix and some hundred others, each by an
address of its own (``slack://…``). It says whether it was taken and not why not, so what was
not is in doubt. It bounds each wait for an octet, not the whole call; that is done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, rejected, unknown
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import SecretShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.errors import EnvironmentFault
from orchestrator.language.words import word


@dataclass(frozen=True, kw_only=True)
class ChatSettings(ChannelSettings):
    """Sends to a chat, or to what else Apprise knows."""

    address: Secret = word(
        SecretShape("text"), "The place of an Apprise address, such as slack://…: it holds a token."
    )


class ChatChannel(Channel):
    """One notification per message."""

    name = "chat"
    spec = CHANNELS["chat"]
    capabilities = Capabilities(at_once=1, timeout=timedelta(seconds=30))
    Settings = ChatSettings
    settings: ChatSettings

    def __init__(self, settings: ChatSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._apprise = _opened(settings.address.reveal())

    def send(self, message: OutgoingMessage) -> Outcome:
        try:
            (message.subject or "").encode()
            message.text.encode()
        except UnicodeEncodeError:
            return rejected("a value holds half a character", code="bad_value")
        if not message.text.strip():
            return rejected("there is nothing to say", code="empty")
        asked = _Asked(self._apprise, message)
        asked.start()
        asked.join(self.capabilities.timeout.total_seconds())
        if asked.is_alive():
            self._apprise = _opened(self.settings.address.reveal())  # the other one is left to it
            return unknown("no answer in time")
        return accepted() if asked.taken else unknown(asked.failure)

    def check(self) -> Sequence[str]:
        return []


class _Asked(Thread):
    """One call of Apprise, which may never come back."""

    def __init__(self, apprise: Any, message: OutgoingMessage) -> None:
        super().__init__(daemon=True)
        self._apprise, self._message = apprise, message
        self.taken = False
        self.failure = "Apprise says that it was not taken, and not why"

    def run(self) -> None:
        title = self._message.subject or ""
        try:
            self.taken = bool(self._apprise.notify(body=self._message.text, title=title))
        except Exception as error:  # noqa: BLE001 - told by its kind: its text may hold the address
            self.failure = f"{type(error).__name__} in Apprise"


def _opened(address: str) -> Any:
    try:
        import apprise  # noqa: PLC0415  # optional, and costs 300 ms
    except ImportError:
        raise EnvironmentFault(
            "the chat channel needs Apprise, which is not installed",
            help="pip install 'clmctl[chat]'",
        ) from None
    opened = apprise.Apprise()
    if not opened.add(address):
        raise EnvironmentFault(
            "chat: Apprise does not understand its address",
            help="https://github.com/caronc/apprise",
        )
    return opened
