"""``clmctl pause FLOW``: nothing of it happens until it is resumed."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.conventions import DatabaseOption, ProjectOption, verb, verb_app
from orchestrator.errors import UsageError

AllOption = Annotated[bool, typer.Option("--all", help="All flows of the project.")]

app = verb_app()


def one_or_all(flow: str | None, *, everything: bool) -> None:
    """Refuse neither and both of a flow and ``--all``.

    Raises:
        UsageError: which flow is meant is not said, or said twice.
    """
    if (flow is None) != everything:
        raise UsageError("name one FLOW, or say --all", help="clmctl ls lists the flows")


@verb(
    app,
    examples=[
        ("clmctl pause win_back", "its runs stand still from the next run on"),
        ("clmctl pause win_back --reason 'wrong prices'", "the same, with a note for colleagues"),
        ("clmctl pause --all", "everything stands still; stages and segments go on"),
    ],
)
def pause(
    flow: Annotated[str | None, typer.Argument(metavar="FLOW", help="The flow to stop.")] = None,
    everything: AllOption = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, for colleagues.")
    ] = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Stop a flow, or all of them, without changing a file.

    A paused flow is not evaluated: nobody enters, runs stand still, nothing is sent. Waits go
    on counting. It works even if the playbooks have errors.
    """
    one_or_all(flow, everything=everything)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator import pausing
    from orchestrator.cli import console
    from orchestrator.counting import counted
    from orchestrator.settings import find_project

    folder = find_project(project)
    name = pausing.EVERYTHING if flow is None else root.known_flow(folder, flow)
    engine = root.open_database(folder, db, create=True)
    paused = pausing.pause(engine, name, reason)
    said = flow or "Everything"
    if not paused.changed:
        console.say(f"{said} was paused already; nothing was changed.")
        return 0
    console.say(f"{said} is paused: {counted(paused.runs, 'run')} {_stand(paused.runs)} still.")
    console.say(f"Next: clmctl resume {flow or '--all'} lets {_it(flow)} go on")
    return 0


def _stand(runs: int) -> str:
    return "stands" if runs == 1 else "stand"


def _it(flow: str | None) -> str:
    return "it" if flow else "them"
