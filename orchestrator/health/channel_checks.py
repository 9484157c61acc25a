"""What can be wrong with channels: nothing carries one, or a secret is not where it is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import Connection

from orchestrator.channels.spec import WEBHOOK
from orchestrator.counting import counted
from orchestrator.delivery.carrying import channels_fault
from orchestrator.delivery.roster import ChannelLine, roster
from orchestrator.health.finding import Finding
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.routes import open_channels


def unknown_channels(connection: Connection, playbook: Playbook, folder: Path) -> Iterator[Finding]:
    """Yield why a worker that starts now would open no channel at all, if so.

    Args:
        folder: the project's.
    """
    fault = channels_fault(connection, playbook, folder)
    if fault is not None:
        says = f"{fault}: a worker that starts opens no channel, and its messages wait"
        yield Finding("error", "channels", says, fault.help or "")


def channel_findings(
    playbook: Playbook, folder: Path, queued: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield channels whose messages stay queued, and secrets that are missing here.

    Args:
        folder: the project's.
        queued: channel → how many messages wait.
    """
    carried = open_channels(playbook, folder)
    for line in roster(playbook, folder):
        if line.adapter is not None:
            yield from _secrets(line)
        elif line.channel not in queued:
            yield Finding("warning", "channels", _uncarried(line), _set(line.channel))
    for channel, count in queued.items():
        if channel not in carried:
            says = f"{counted(count, 'message')} on {channel}, which nothing carries: none leaves"
            yield Finding("error", "channels", says, _set(channel))


def _uncarried(line: ChannelLine) -> str:
    one = len(line.flows) == 1
    verb, way, what = (
        ("call", "by", "calls") if line.channel == WEBHOOK else ("send", "on", "messages")
    )
    says = f"{', '.join(line.flows)} {verb}{'s' if one else ''} {way} {line.channel}"
    return f"{says}, which nothing carries: {'its' if one else 'their'} {what} will stay queued"


def _secrets(line: ChannelLine) -> Iterator[Finding]:
    for secret in line.secrets:
        if secret.wrong is not None:
            yield Finding(
                "warning",
                "channels",
                f"{line.channel} cannot be opened here: {secret.wrong}",
                f"{line.place} asks for {secret.place}; set it where workers run",
            )


def _set(channel: str) -> str:
    return f"set {channel} in playbooks/channels.yaml; clmctl channels list shows the others"
