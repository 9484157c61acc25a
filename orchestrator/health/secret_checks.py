"""What can be wrong with the project's secret, which signs the links in messages."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from orchestrator.delivery.signers import WAY_OUT, signer, wrong_with
from orchestrator.errors import EnvironmentFault
from orchestrator.health.finding import Finding
from orchestrator.signing import SECRET_FILE, known_keys


def secret_findings(project: Path) -> Iterator[Finding]:
    """Yield a secret that cannot be used, and one that others can read."""
    try:
        known_keys(project)
    except EnvironmentFault as fault:
        yield Finding("error", "secret", str(fault), fault.help or "docs/serving.md, The secret")
        return
    path = project / SECRET_FILE
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            "warning", "secret", f"others can read {path}, which signs links", f"chmod 600 {path}"
        )


def lost_secret_findings(connection: Connection, project: Path) -> Iterator[Finding]:
    """Yield that links in messages were signed with a secret that is not here."""
    try:
        keys = known_keys(project)
    except EnvironmentFault:
        return  # told by ``secret_findings``
    wrong = wrong_with(signer(connection), keys, project)
    if wrong is not None:
        yield Finding("error", "secret", f"{wrong}: nothing is sent or answered", WAY_OUT)
