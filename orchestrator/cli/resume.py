"""``clmctl resume FLOW``: the volume breaker is set back."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.conventions import (
    AtOption,
    DatabaseOption,
    ProjectOption,
    VariablesOption,
    verb,
    verb_app,
)

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl resume win_back", "its held messages are tried again at the next run"),
        ("clmctl resume win_back --yes", "the same without being asked"),
    ],
)
def resume(
    flow: Annotated[
        str,
        typer.Argument(
            metavar="FLOW", help="The flow that tripped; the project's name for its own breaker."
        ),
    ],
    at: AtOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Let a flow send again after its volume breaker tripped.

    The breaker (stop_if_more_than) trips when a flow is about to write to more customers
    than it may; all its sends are held until this verb sets it back.
    """
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import console
    from orchestrator.cli.manner import manner

    opened = root.open_project(project, var)
    name = root.breaker(opened, flow)
    engine = root.open_database(opened.folder, db)
    if manner.asks() and not console.confirm(f"Let {flow} send again?"):
        console.say("Nothing was changed.")
        return 0
    if root.resume_flow(engine, name, opened.now(at)):
        selected = f" --select {flow}" if flow in opened.playbook.flows else ""
        console.say(f"{flow} may send again. Next: clmctl run --dry-run{selected}")
    else:
        console.say(f"{flow} had not tripped; nothing was changed.")
    return 0
