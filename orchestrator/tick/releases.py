"""Releases: the playbooks that decided, read back from the texts that were kept of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.load import load_texts
from orchestrator.playbook.model import Playbook


def latest_release(connection: Connection) -> str | None:
    """Return the fingerprint of the release that the latest tick decided by, None before one."""
    row = tables.tick.c
    return connection.scalar(select(row.release).order_by(row.at.desc()).limit(1))


def recorded_playbook(connection: Connection, fingerprint: str) -> Playbook | None:
    """Return a recorded release as a playbook, templates included; None if there is none.

    Raises:
        EnvironmentFault: what was recorded is not what is there, or this version cannot read it.
    """
    release = tables.release.c
    query = select(release.files, release.variables).where(release.fingerprint == fingerprint)
    kept = connection.execute(query).one_or_none()
    return _playbook(fingerprint, *kept) if kept is not None else None


def recorded_texts(connection: Connection, word: str) -> Iterator[dict[str, str]]:
    """Yield the files of each recorded release in which a word stands: path → text."""
    texts = tables.release.c.files
    query = select(texts).where(texts.contains(word, autoescape=True))
    for (kept,) in connection.execute(query):
        yield json.loads(kept)


@lru_cache(maxsize=16)
def _playbook(fingerprint: str, texts: str, variables: str) -> Playbook:
    loaded = load_texts(json.loads(texts), variables=json.loads(variables))
    if loaded.playbook is None:
        first = next(problem for problem in loaded.problems if problem.severity == "error")
        raise EnvironmentFault(
            f"The release {fingerprint[:12]} cannot be read by this version: {first.message} "
            f"({first.mark}).",
            help="Install the version that recorded it, or correct the files and run them.",
        )
    if loaded.playbook.fingerprint != fingerprint:
        raise EnvironmentFault(
            f"The release {fingerprint[:12]} is not what was recorded: its texts were changed.",
            help="Restore the table release from a backup.",
        )
    return loaded.playbook
