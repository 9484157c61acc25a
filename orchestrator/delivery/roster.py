"""The channels of a project as an operator sees them: what carries each, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from orchestrator.channels.base import Capabilities
from orchestrator.channels.routes import Route
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import secrets_of
from orchestrator.channels.spec import CHANNELS
from orchestrator.delivery.outlet import doubt_policy, pace_of, policies, shut
from orchestrator.errors import EnvironmentFault
from orchestrator.flow.steps.send import PURPOSES
from orchestrator.language.marks import Mark
from orchestrator.packages import said
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.routes import open_channels
from orchestrator.playbook.walk import channels_used, flows_in_use

_PREFERRED = "preferred"


class SecretLine(NamedTuple):
    """One secret of a channel: where it is kept, and what is wrong with it."""

    place: str
    """``env:NAME`` or ``file:path``; never the secret."""
    wrong: str | None
    """None if it is there."""


@dataclass(frozen=True, kw_only=True)
class ChannelLine:
    """One channel of a project."""

    channel: str
    adapter: str | None
    """None: nothing carries it, its messages stay queued."""
    place: Mark | None = None
    """Where it is set; None for a channel that nothing is said of."""
    rate: str | None = None
    burst: int | None = None
    at_once: int | None = None
    on_in_doubt: tuple[tuple[str, str], ...] = ()
    """Purpose → what is done with a message that may or may not have been taken."""
    can: tuple[str, ...] = ()
    """What its provider can do."""
    secrets: tuple[SecretLine, ...] = ()
    flows: tuple[str, ...] = ()
    """The flows in use that send on it, or call by it."""


def roster(playbook: Playbook, folder: Path) -> list[ChannelLine]:
    """Return the channels that a project sets or sends on, in the order of the language.

    Args:
        folder: the project's.
    """
    routes, flows = open_channels(playbook, folder), flows_by_channel(playbook)
    names = dict.fromkeys((*CHANNELS, *routes, *flows))
    lines = []
    for name in names:
        used = tuple(flows.get(name, ()))
        if name in routes and (playbook.channels or used):
            lines.append(_line(routes[name], used, playbook, folder))
        elif used:
            lines.append(ChannelLine(channel=name, adapter=None, flows=used))
    return lines


def flows_by_channel(playbook: Playbook) -> Mapping[str, list[str]]:
    """Return channel → the flows in use that send or call on it; ``preferred`` names none."""
    found: dict[str, list[str]] = {}
    for flow in flows_in_use(playbook):
        channels = (str(channel) for channel, _ in channels_used(flow, playbook))
        for name in dict.fromkeys(channels):
            if name != _PREFERRED:
                found.setdefault(name, []).append(str(flow.flow))
    return found


def _line(route: Route, flows: tuple[str, ...], playbook: Playbook, folder: Path) -> ChannelLine:
    settings, able = route.settings, route.adapter.capabilities
    pace, stated = pace_of(settings), policies(settings)
    doubts = tuple(
        (purpose, doubt_policy(stated.get(purpose), purpose, is_idempotent=able.idempotent))
        for purpose in PURPOSES
    )
    return ChannelLine(
        channel=route.channel,
        adapter=route.adapter.name,
        place=settings.mark if playbook.channels else None,
        rate=str(settings.rate) if settings.rate else None,
        burst=pace.burst if pace else None,
        at_once=route.at_once,
        on_in_doubt=doubts,
        can=_can(able),
        secrets=tuple(
            SecretLine(str(secret), _missing(secret, folder)) for secret in secrets_of(settings)
        ),
        flows=flows,
    )


def _can(able: Capabilities) -> tuple[str, ...]:
    named = (
        ("idempotent", able.idempotent),
        ("verify", able.verify),
        ("expiry", able.expiry),
        ("collapse", able.collapse),
        ("batch", able.batch > 1),
    )
    return tuple(name for name, is_so in named if is_so)


def _missing(secret: Secret, folder: Path) -> str | None:
    try:
        secret.opened(folder)
    except EnvironmentFault as fault:
        return str(fault)
    return None


def wrong_with_channel(route: Route) -> list[str]:
    """Return what is wrong with a channel, in sentences; reaches its provider, sends nothing."""
    try:
        adapter = route.open()
    except EnvironmentFault as fault:
        return [f"{fault} ({fault.help})" if fault.help else str(fault)]
    try:
        return [str(one) for one in adapter.check()]
    except Exception as error:  # noqa: BLE001 - whatever a package raises is what is wrong
        return [f"its check failed: {said(error)}"]
    finally:
        shut(adapter)
