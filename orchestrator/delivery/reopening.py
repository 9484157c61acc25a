"""Opening the channels of a project, and anew those whose settings or secrets have changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.channels.base import Channel, Surroundings
from orchestrator.channels.routes import Route
from orchestrator.channels.settings import ChannelSettings, opened, secrets_of
from orchestrator.delivery.carrying import ChannelsUnknown
from orchestrator.delivery.manner import Say
from orchestrator.delivery.outlet import Outlet, outlet_of
from orchestrator.errors import EnvironmentFault


class Made(NamedTuple):
    """What an adapter is made of; where it stands in the file is no part of it."""

    adapter: type[Channel]
    settings: ChannelSettings
    surroundings: Surroundings
    secrets: tuple[str, ...]


@dataclass
class Reopening:
    """Knows by what each channel was opened. For one thread."""

    routes: Callable[[], Mapping[str, Route]]
    """Returns the channels as the playbook in force has them; ``Carrying`` as a rule."""
    say: Say
    asked: Collection[str] | None = None
    """Only these channels; None is all there are."""
    lanes: int = 1
    """How many outlets for each."""
    _known: dict[str, Made] = field(default_factory=dict)
    _faults: dict[str, str] = field(default_factory=dict)
    """Channel → what was told of it."""
    _unknown: str | None = None
    """What was told of all channels together."""

    def look(self) -> dict[str, list[Outlet]]:
        """Return new outlets for each channel that has changed; none for one that is gone.

        A channel that cannot be opened is told once and is as it was before: open or shut. So
        are all of them while nobody can say what carries them.
        """
        try:
            all_routes = self.routes()
        except ChannelsUnknown as fault:
            self._tell_unknown(fault)
            return {}
        self._unknown = None
        routes = {
            name: route
            for name, route in all_routes.items()
            if self.asked is None or name in self.asked
        }
        changed: dict[str, list[Outlet]] = {name: [] for name in self._known.keys() - routes.keys()}
        for name in changed:
            del self._known[name]
        for name, route in routes.items():
            try:
                made = made_of(route)
                if made == self._known.get(name):
                    continue
                changed[name] = [outlet_of(route) for _ in range(self.lanes)]
            except EnvironmentFault as fault:
                self._tell(name, fault)
            else:
                self._known[name] = made
                self._faults.pop(name, None)
        return changed

    def _tell_unknown(self, fault: ChannelsUnknown) -> None:
        if self._unknown != str(fault):
            self._unknown = str(fault)
            says = f"no channel is opened, all messages wait: {_with_place(fault)}"
            self.say("channels_shut", says, "error", {"reason": str(fault)})

    def _tell(self, channel: str, fault: EnvironmentFault) -> None:
        if self._faults.get(channel) == str(fault):
            return
        self._faults[channel] = str(fault)
        is_open = channel in self._known
        says = goes_on(channel, fault) if is_open else stays_shut(channel, fault)
        facts = {"channel": channel, "reason": str(fault)}
        self.say("channel_kept" if is_open else "channel_shut", says, "error", facts)


def made_of(route: Route) -> Made:
    """Return what the adapter of a route would be made of now.

    Raises:
        EnvironmentFault: a secret is missing.
    """
    settings = opened(route.settings, route.surroundings.folder)
    texts = tuple(secret.reveal() for secret in secrets_of(settings))
    return Made(route.adapter, route.settings, route.surroundings, texts)


def stays_shut(channel: str, fault: EnvironmentFault) -> str:
    """Return the sentence about a channel that cannot be opened."""
    return f"{channel} stays shut, its messages wait: {_with_place(fault)}"


def goes_on(channel: str, fault: EnvironmentFault) -> str:
    """Return the sentence about a channel that is open and cannot be opened anew."""
    return f"{channel} goes on as it was opened before: {_with_place(fault)}"


def _with_place(fault: EnvironmentFault) -> str:
    return f"{fault} ({fault.help})" if fault.help else str(fault)
