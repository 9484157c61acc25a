"""The routes of a playbook: each of its channels with what carries it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from orchestrator.channels.base import Surroundings
from orchestrator.channels.routes import Route, routes
from orchestrator.playbook.model import Playbook


def open_channels(
    playbook: Playbook, folder: Path, clock: Callable[[], datetime] | None = None
) -> dict[str, Route]:
    """Return the routes of a project, by channel; each opens its adapter when it is asked to.

    A project that says nothing about channels hands everything to the ``file`` adapter.

    Args:
        folder: the project's.
        clock: what time it is for messages; None is the present.
    """
    links = playbook.project.links
    surroundings = Surroundings(
        project=str(playbook.project.project),
        folder=folder,
        base_url=links.base_url if links else None,
        clock=clock,
    )
    return routes(playbook.channels, surroundings)
