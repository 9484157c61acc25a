"""``clmctl tasks list|done``: what flows asked people to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import console
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
from orchestrator.cli.telling import warn_of_files

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from orchestrator.tasks import TaskLine

FORMS = ("human", "json")
FORMAT = "clmctl.tasks/1"

app = verb_app("List the tasks that flows gave to people, and mark them done.")


@verb(
    app,
    "list",
    examples=[
        ("clmctl tasks list", "the open tasks, those due first"),
        ("clmctl tasks list --done-since 2026-03-01 -o json", "those done since then too"),
    ],
)
def list_(
    done_since: Annotated[
        str | None,
        typer.Option("--done-since", metavar="TIME", help="Those too that were done since then."),
    ] = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """List the open tasks, those due first. Files that do not load are no obstacle."""
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.report.streams import pretty_json
    from orchestrator.settings import find_project, instant_from

    folder = find_project(project)
    engine = root.open_database(folder, db, read_only=True)
    known = root.last_good(folder, engine, var)
    since = done_since and instant_from(done_since, known.zone, option="--done-since")
    found = root.open_tasks(engine, since or None)
    if output == "json":
        console.out(pretty_json({"format": FORMAT, "tasks": [_object(one) for one in found]}))
    else:
        _show(found, known.zone)
    warn_of_files(known)
    return 0


def _object(task: TaskLine) -> dict[str, Any]:
    from orchestrator.report.contracts import instant_text

    return {
        "id": task.id,
        "customer": task.customer,
        "task": task.text,
        "assign_to": task.assign_to,
        "created_at": instant_text(task.created_at),
        "due_at": instant_text(task.due_at) if task.due_at else None,
        "done_at": instant_text(task.done_at) if task.done_at else None,
        "flow": task.flow,
        "step": task.step,
        "entry": task.entry,
    }


def _show(found: list[TaskLine], zone: ZoneInfo) -> None:
    from orchestrator.counting import counted
    from orchestrator.report.preview import local_time

    def when(task: TaskLine) -> str:
        if task.done_at is not None:
            return f"done {local_time(task.done_at, zone)}"
        return local_time(task.due_at, zone) if task.due_at else ""

    rows = [
        [str(one.id), one.customer, one.text, one.assign_to or "", when(one), one.flow]
        for one in found
    ]
    header = ["id", "customer", "task", "assign to", "due", "flow"]
    for line in console.results_page().entries(rows, header=header):
        console.out(line)
    console.say(counted(len(rows), "task"))


@verb(
    app,
    "done",
    examples=[
        ("clmctl tasks done 17", "it is done; task_done holds from the next run on"),
        ("clmctl tasks done 17 --at 2026-03-02T10:00", "it was done then"),
    ],
)
def done(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="The task's id.")],
    at: AtOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Mark a task done; the flow that gave it goes on by `task_done`.

    A task that is done already stays done when it was. Files that do not load are no obstacle.
    """
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.settings import find_project

    folder = find_project(project)
    engine = root.open_database(folder, db)
    known = root.last_good(folder, engine, var)
    if root.finish_task(engine, number, known.now(at)):
        console.say(f"Task {number} is done.")
    else:
        console.say(f"Task {number} was done already; nothing was changed.")
    warn_of_files(known)
    return 0
