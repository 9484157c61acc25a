"""``clmctl serve``: answer links, callbacks and questions of health, until it is told to stop."""

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

INTERRUPTED = 130

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl serve", "answer on this machine, for a proxy in front of it"),
        ("clmctl serve --host 0.0.0.0 --port 8080", "for a proxy on another machine"),
        ("clmctl serve --metrics 127.0.0.1:9100", "figures for Prometheus at another port"),
    ],
)
def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65_535, help="And at which port.")
    ] = 8020,
    metrics: MetricsOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Answer from outside: the links in messages, and what providers tell.

    `/u/…` ends messages and `/p/…` lets a customer choose, by the signed links that messages
    carry; `/receipts/<channel>` takes the callbacks of providers; `/healthz` says whether all is
    well. A proxy with TLS stands in front, at `links.base_url`. Figures are at a port of their
    own that only this machine reaches: `/metrics`.

    clmctl start answers too; this verb is for answering without planning or sending.
    """
    from orchestrator import app as root  # opens projects and databases

    shown = f"[{host}]" if ":" in host else host
    request = root.ServeRequest(public=f"{shown}:{port}", own=metrics)
    ended = root.serve(project, db, var, request=request, tell=tell_event)
    return INTERRUPTED if ended == signal.SIGINT else 0
