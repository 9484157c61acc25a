"""The routes of a playbook: each of its channels with what carries it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.channels.base import Surroundings
from orchestrator.channels.routes import Route, routes
from orchestrator.playbook.model import Playbook


def open_channels(playbook: Playbook, folder: Path) -> dict[str, Route]:
    """Return the routes of a project, by channel; each opens its adapter when it is asked to.

    A project that says nothing about channels hands everything to the ``file`` adapter.

    Args:
        folder: the project's.
    """
    links = playbook.project.links
    surroundings = Surroundings(
        project=str(playbook.project.project),
        folder=folder,
        base_url=links.base_url if links else None,
    )
    return routes(playbook.channels, surroundings)
