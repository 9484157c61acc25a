"""What the verbs of ``clmctl outbox`` share: their options, the project and its database."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from orchestrator.app import LastGood

FORMS = ("human", "json")

FlowOption = Annotated[
    str | None, typer.Option("--flow", metavar="FLOW", help="Only messages of this flow.")
]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", metavar="CHANNEL", help="Only on this channel.")
]
CustomerOption = Annotated[
    str | None,
    typer.Option("--customer", metavar="ID", help="Only to this customer, by the customer's id."),
]
LimitOption = Annotated[
    int,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        max=1_000_000,
        help="Show at most so many, the latest first.",
    ),
]


def require_names(project: Path | None, flow: str | None, channel: str | None) -> None:
    """See that nothing was found because there is nothing, and not because of a slip.

    Raises:
        UsageError: there is no such flow, or no such channel.
    """
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.settings import find_project

    if flow is not None:
        root.known_flow(find_project(project), flow)
    if channel is not None:
        root.known_channel(find_project(project), channel)


def opened(project: Path | None, db: str | None) -> tuple[Path, Engine]:
    """Return the project's folder and its database, opened."""
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.settings import find_project

    folder = find_project(project)
    return folder, root.open_database(folder, db, create=True)


def project_of(folder: Path, engine: Engine) -> Callable[[], LastGood]:
    """Return how to ask for the project, whatever state its files are in; it is read once."""
    from orchestrator import app as root  # opens projects and databases

    return cache(lambda: root.last_good(folder, engine, None))
