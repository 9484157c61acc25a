"""``clmctl status``: the state at a glance."""

from __future__ import annotations

from typing import Annotated

from orchestrator.cli.conventions import (
    AtOption,
    DatabaseOption,
    ProjectOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)

FORMS = ("human", "json")

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl status", "what is due, held and queued, who plans, what is stopped"),
        ("clmctl status -o json", "the same for a monitor: lag_seconds, held, stranded"),
    ],
)
def status(
    at: AtOption = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Say how things stand: the last tick, what is due and held, queued, paused, stranded.

    It reads only, and nobody waits for it. Files that do not load are no obstacle; then no run
    can be called stranded.
    """
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import console
    from orchestrator.health.telling import status_document, status_page
    from orchestrator.report.streams import pretty_json

    found = root.status(project, db, var, at)
    if output == "json":
        console.out(pretty_json(status_document(found.standing)))
    else:
        for line in status_page(found.standing, console.results_page(), found.known.zone):
            console.out(line)
    if found.known.warning:
        console.warn(found.known.warning)
    return 0
