"""``clmctl pause FLOW|--channel CHANNEL``: nothing of it happens until it is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.conventions import DatabaseOption, ProjectOption, verb, verb_app
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

AllOption = Annotated[bool, typer.Option("--all", help="All flows of the project.")]
ChannelOption = Annotated[
    str | None,
    typer.Option("--channel", metavar="CHANNEL", help="What leaves on a channel, of all flows."),
]

app = verb_app()


def one_of_these(flow: str | None, channel: str | None, *, everything: bool) -> None:
    """Refuse none and more than one of a flow, ``--channel`` and ``--all``.

    Raises:
        UsageError: what is meant is not said, or said twice.
    """
    if sum((flow is not None, channel is not None, everything)) != 1:
        raise UsageError(
            "name one FLOW, or say --channel or --all",
            help="clmctl ls lists the flows, clmctl channels list the channels",
        )


@verb(
    app,
    examples=[
        ("clmctl pause win_back", "its runs stand still from the next run on"),
        ("clmctl pause win_back --reason 'wrong prices'", "the same, with a note for colleagues"),
        ("clmctl pause --channel sms", "flows go on; nothing leaves on this channel"),
        ("clmctl pause --all", "everything stands still; stages and segments go on"),
    ],
)
def pause(
    flow: Annotated[str | None, typer.Argument(metavar="FLOW", help="The flow to stop.")] = None,
    channel: ChannelOption = None,
    everything: AllOption = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, for colleagues.")
    ] = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Stop a flow, a channel, or all flows, without changing a file.

    A paused flow is not evaluated: nobody enters, runs stand still, nothing is sent. Waits go
    on counting. Of a paused channel only the messages wait, in the queue, until they expire.
    It works even if the playbooks have errors.
    """
    one_of_these(flow, channel, everything=everything)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator import pausing
    from orchestrator.cli import console
    from orchestrator.counting import counted
    from orchestrator.settings import find_project

    folder = find_project(project)
    if channel is not None:
        named = root.known_channel(folder, channel)
        return _pause_channel(root.open_database(folder, db, create=True), named, reason)
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


def _pause_channel(engine: Engine, channel: str, reason: str | None) -> int:
    from orchestrator import pausing
    from orchestrator.cli import console
    from orchestrator.counting import counted

    paused = pausing.pause_channel(engine, channel, reason)
    if not paused.changed:
        console.say(f"{channel} was paused already; nothing was changed.")
        return 0
    wait = "waits" if paused.waiting == 1 else "wait"
    console.say(f"Nothing leaves on {channel}: {counted(paused.waiting, 'message')} {wait}.")
    console.say(f"Next: clmctl resume --channel {channel} lets them leave")
    return 0


def _stand(runs: int) -> str:
    return "stands" if runs == 1 else "stand"


def _it(flow: str | None) -> str:
    return "it" if flow else "them"
