"""``clmctl resume FLOW``: the volume breaker is set back."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.conventions import AtOption, DatabaseOption, ProjectOption, verb, verb_app

app = verb_app()


@verb(app, examples=[("clmctl resume win_back", "its held messages are tried at the next run")])
def resume(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="The flow that tripped.")],
    project: ProjectOption = None,
    db: DatabaseOption = None,
    at: AtOption = None,
) -> int:
    """Let a flow send again after its volume breaker tripped."""
    raise NotImplementedError
