"""``clmctl resume FLOW``: what was paused goes on, and a volume breaker is set back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.conventions import (
    AtOption,
    DatabaseOption,
    ProjectOption,
    VariablesOption,
    verb,
    verb_app,
)
from orchestrator.cli.pause import AllOption, ChannelOption, one_of_these

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.pausing import Resumed

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl resume win_back", "its runs go on, held messages are tried again"),
        ("clmctl resume win_back --yes", "the same without being asked"),
        ("clmctl resume --channel sms", "what waits on this channel leaves"),
        ("clmctl resume --all", "ends clmctl pause --all, and sets the project's breaker back"),
    ],
)
def resume(
    flow: Annotated[
        str | None,
        typer.Argument(
            metavar="FLOW",
            help="The flow that was paused or tripped; the project's name for its own breaker.",
        ),
    ] = None,
    channel: ChannelOption = None,
    everything: AllOption = False,
    at: AtOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Let a flow or channel go on that was paused, or a flow whose volume breaker tripped.

    The breaker (stop_if_more_than) trips when a flow is about to write to more customers
    than it may; all its sends are held until this verb sets it back. --all ends what
    pause --all began, and sets back the breaker of the project: a flow or channel that was
    paused by its name stays so, and so does a flow's own breaker.
    """
    one_of_these(flow, channel, everything=everything)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator import pausing
    from orchestrator.cli import console
    from orchestrator.cli.manner import manner
    from orchestrator.settings import find_project

    if channel is not None:
        return _resume_channel(find_project(project), channel, db)
    opened = root.open_project(project, var)
    name = pausing.EVERYTHING if flow is None else root.breaker(opened, flow)
    engine = root.open_database(opened.folder, db)
    question = f"Let {flow} go on?" if flow else "Let all flows go on?"
    if manner.asks() and not console.confirm(question):
        console.say("Nothing was changed.")
        return 0
    own = str(opened.playbook.project.project)
    resumed = pausing.resume_flow(engine, name, opened.now(at), project=own)
    for sentence in _told(flow, resumed):
        console.say(sentence)
    if resumed.changed:
        selected = f" --select {flow}" if flow in opened.playbook.flows else ""
        console.say(f"Next: clmctl run --dry-run{selected}")
    return 0


def _resume_channel(folder: Path, channel: str, db: str | None) -> int:
    """Let messages leave; not asked about: they were all decided and looked at, and are again."""
    from orchestrator import app as root
    from orchestrator import pausing
    from orchestrator.cli import console

    engine = root.open_database(folder, db)
    if pausing.resume_channel(engine, channel):
        console.say(f"Messages leave on {channel} again.")
    else:
        console.say(f"{root.known_channel(folder, channel)} was not paused; nothing was changed.")
    return 0


def _told(flow: str | None, resumed: Resumed) -> list[str]:
    """Return what was changed, and what still stands in the way."""
    said = flow or "Everything"
    told = []
    if resumed.was_paused:
        told.append(f"{said} goes on.")
    if resumed.had_tripped:
        told.append(f"{said} may send again." if flow else _PROJECT)
    if not told:
        told.append(f"{said} was neither paused nor tripped; nothing was changed.")
    if flow is None:
        told += [f"{name} stays paused: clmctl resume {name}" for name in resumed.still_paused]
    elif resumed.still_paused:
        told.append("All flows are still paused: clmctl resume --all")
    for name in resumed.still_tripped:
        told.append(f"The volume breaker of {name} still holds its sends: clmctl resume {name}")
    return told


_PROJECT = "The project's volume breaker is set back: all flows may send again."
