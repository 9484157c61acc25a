"""A channel that nothing carries."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.channels.registry import carrying
from orchestrator.channels.spec import CHANNELS, WEBHOOK
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.reader import suggest
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.walk import channels_used, flows_in_use

CODE = "CLM421"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield the channels that flows use and ``channels.yaml`` does not set, each once."""
    if not playbook.channels:
        return  # everything goes to the outbox
    told = set(playbook.channels)
    for channel, mark in _used(playbook):
        if channel not in told:
            told.add(channel)
            yield _problem(channel, mark)


def _used(playbook: Playbook) -> Iterator[tuple[str, Mark]]:
    """Yield (channel, place) of each use, in document order."""
    for flow in flows_in_use(playbook):
        for channel, step in channels_used(flow, playbook):
            if channel in CHANNELS or channel == WEBHOOK:
                yield str(channel), getattr(channel, "mark", None) or step.mark


def _problem(channel: str, mark: Mark) -> Problem:
    what = "calls" if channel == WEBHOOK else f"messages on {channel}"
    return Problem(
        mark,
        CODE,
        f"nothing carries {channel}: {what} stay queued",
        help=suggest(
            "", carrying(channel), lead=f"set {channel} in channels.yaml; it is carried by"
        ),
        severity="warning",
    )
