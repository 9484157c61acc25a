"""The ``chat`` adapter: a message to where the team reads, over Apprise.

Apprise knows Slack, Teams, Discord, Telegram, Matrix and some hundred others, each by an
address of its own (``slack://…``). It says whether it was taken and not why not, so what was
not is in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
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
        SecretShape(), "The place of an Apprise address, such as slack://…: it holds a token."
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
        taken = self._apprise.notify(body=message.text, title=message.subject or "")
        return accepted() if taken else unknown("Apprise says that it was not taken, and not why")

    def check(self) -> Sequence[str]:
        return []


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
