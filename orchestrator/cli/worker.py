"""``clmctl worker``: send what is queued, until it is told to stop."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from orchestrator.cli.conventions import (
    DatabaseOption,
    MetricsOption,
    ProjectOption,
    VariablesOption,
    verb,
    verb_app,
)
from orchestrator.cli.telling import tell_event
from orchestrator.errors import UsageError

INTERRUPTED = 130

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl worker", "send what is queued on all channels, until it is stopped"),
        ("clmctl worker --channels sms,email", "only on these"),
        ("clmctl worker -j 4", "four lanes for each channel, so that four calls wait together"),
        ("clmctl worker --drain", "end when nothing is left to send"),
    ],
)
def worker(
    channels: Annotated[
        str | None,
        typer.Option("--channels", metavar="A,B", help="Only these channels (default: all)."),
    ] = None,
    lanes: Annotated[
        int, typer.Option("-j", "--lanes", metavar="N", min=1, max=64, help="Lanes per channel.")
    ] = 1,
    drain: Annotated[
        bool, typer.Option("--drain", help="End when nothing is due and nothing is under way.")
    ] = False,
    metrics: MetricsOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Send queued messages through the project's channels.

    Each message is looked at once more just before it leaves, and marked in the database before
    its call, so that a worker that is killed leaves no message lost and none repeated but by the
    policy of its channel (`on_in_doubt`). On PostgreSQL any number of workers share the queue. On
    SQLite one process sends at a time; another one waits for its turn.

    Ctrl-C and SIGTERM claim nothing more, give back what was not begun, and wait up to 30 seconds
    for calls that were. What happens is told on stderr, with ids and counts and never an address.
    """
    from orchestrator import app as root  # opens projects and databases

    names = tuple(name.strip() for name in (channels or "").split(",") if name.strip())
    if channels is not None and not names:
        raise UsageError("--channels names none", help="for example --channels email,sms")
    request = root.WorkerRequest(names, lanes, drains=drain)
    found = root.worker(project, db, var, request=request, tell=tell_event)
    return INTERRUPTED if root.run_worker(found, project, metrics) == signal.SIGINT else 0
