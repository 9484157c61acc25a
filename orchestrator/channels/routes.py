"""Routes: each channel with what carries it, ready to be opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.channels.base import Channel, Surroundings
from orchestrator.channels.registry import find_adapter
from orchestrator.channels.settings import ChannelSettings, opened
from orchestrator.channels.spec import CHANNELS
from orchestrator.errors import EnvironmentFault, OrchestratorError
from orchestrator.language.marks import Mark
from orchestrator.packages import said

CHANNELS_FILE = "playbooks/channels.yaml"
WITHOUT_SETTINGS = "file"
"""What carries every channel of a project that says nothing about channels."""


@dataclass(frozen=True)
class Route:
    """One channel of a project: its settings, and the adapter that carries it."""

    channel: str
    adapter: type[Channel]
    settings: ChannelSettings
    surroundings: Surroundings

    @property
    def at_once(self) -> int:
        """How many messages are at the wire together."""
        return self.settings.at_once or self.adapter.capabilities.at_once

    def open(self) -> Channel:
        """Return a new adapter with its secrets; opens no connection yet.

        Raises:
            EnvironmentFault: a secret is missing, or the adapter cannot be made.
        """
        settings = opened(self.settings, self.surroundings.folder)
        try:
            return self.adapter(settings, self.surroundings)
        except OrchestratorError:
            raise
        except Exception as error:
            message = f'the adapter "{self.adapter.name}" cannot be opened: {said(error)}'
            raise EnvironmentFault(message, help=f"it carries {self.channel}") from error


def routes(
    configured: Mapping[str, ChannelSettings], surroundings: Surroundings
) -> dict[str, Route]:
    """Return the routes of a project, by channel.

    Args:
        configured: channel → what ``channels.yaml`` says of it; if it says nothing at all,
            every channel goes to the ``file`` adapter.
    """
    if not configured:
        adapter = find_adapter(WITHOUT_SETTINGS)
        settings = adapter.Settings(mark=Mark(CHANNELS_FILE, 1, 1), marks={})
        return {name: Route(name, adapter, settings, surroundings) for name in CHANNELS}
    return {
        name: Route(name, find_adapter(settings.adapter or name), settings, surroundings)
        for name, settings in configured.items()
    }
