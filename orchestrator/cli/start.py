"""``clmctl start``: the clock, until it is told to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from orchestrator.scheduler.events import Voice
    from orchestrator.scheduler.outcome import Outcome

REFUSED, ENVIRONMENT, INTERRUPTED = 4, 5, 130

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl start", "wake every minute, decide what is due, send it"),
        ("clmctl start --every 10s", "more often"),
        ("clmctl start --accept", "go on at once after a long gap or with a restored database"),
        ("clmctl start --once", "wake once, send what is due, and end: for a crontab"),
    ],
)
def start(
    every: Annotated[
        str, typer.Option("--every", metavar="SPAN", help="How often to wake: 10s, 1m, 1h.")
    ] = "1m",
    max_gap: Annotated[
        str,
        typer.Option(
            "--max-gap",
            metavar="SPAN",
            help="After a longer time without a tick, ask before going on.",
        ),
    ] = "1h",
    accept: Annotated[
        bool,
        typer.Option("--accept", help="Do not ask this time: not about a gap, not about a backup."),
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Wake once and end.")] = False,
    serve: Annotated[
        str | None,
        typer.Option(
            "--serve",
            metavar="HOST:PORT",
            help="Where links and callbacks are answered (default: 127.0.0.1:8020); off: nowhere.",
        ),
    ] = None,
    metrics: MetricsOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Run the clock: a tick every so often, for as long as this process lives.

    Messages leave beside it, in threads of their own; clmctl worker adds processes that send.
    Links in messages and callbacks of providers are answered too, as clmctl serve does. Lists for
    advertisers are written when they are due, and who opts out is taken out of them soon after.
    One scheduler plans at a time; a second one stands by and takes over when the first is gone.
    Files that do not load leave the last good ones in force. A database that fails is tried
    again until it works. After a gap longer than --max-gap, and with a database that was
    restored from a backup or exchanged, nothing is ticked until you say so: clmctl resume --all.

    Ctrl-C and SIGTERM finish the tick and the calls under way. What happens is told on stderr:
    sentences on a terminal, else one JSON object per line, with ids and counts and never an
    address.
    """
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.settings import span_from

    request = root.ClockRequest(
        every=span_from(every, option="--every"),
        max_gap=span_from(max_gap, option="--max-gap"),
        accepts=accept,
    )
    planner = root.planner(project, db, var, request=request, tell=tell_event)
    if once:
        return _code_of(root.wake_once(planner), planner.voice)
    answers = root.ServeRequest(public=serve, own=metrics)
    return INTERRUPTED if root.run_clock(planner, request, answers) == signal.SIGINT else 0


def _code_of(outcome: Outcome, voice: Voice) -> int:
    """Return the exit code of a single wake."""
    codes = {"asks": REFUSED, "failed": ENVIRONMENT, "clock_is_off": ENVIRONMENT}
    if outcome == "up_to_date":
        voice.say("up_to_date", "nothing to do: a tick of this instant or a later one was run")
    return codes.get(outcome, 0)
