"""The routes of a playbook: each of its channels with what carries it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from orchestrator.channels.base import Surroundings
from orchestrator.channels.routes import CHANNELS_FILE, Route, routes
from orchestrator.playbook.files import PLAYBOOKS
from orchestrator.playbook.model import Playbook

_SETS = re.compile(r"""^["']?channels["']?\s*:""", re.MULTILINE)
_CALLED = PurePosixPath(CHANNELS_FILE).stem


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


def texts_of_channels(texts: Mapping[str, str]) -> dict[str, str]:
    """Return those of a project's texts, by path, that set channels, or by their name would.

    Whether they load is no matter: they say that somebody wants messages carried.
    """
    return {
        path: text
        for path, text in texts.items()
        if path.startswith(f"{PLAYBOOKS}/")
        and (PurePosixPath(path).stem == _CALLED or _SETS.search(text))
    }
