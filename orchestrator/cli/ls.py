"""``clmctl ls``: what the project consists of."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orchestrator.cli.conventions import (
    ExcludeOption,
    ProjectOption,
    SelectOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)

KINDS = ("flows", "segments", "stages", "messages")
FORMS = ("human", "json")

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl ls", "all flows"),
        ("clmctl ls --select channel:sms", "the flows that may send SMS: what a run would show"),
        ("clmctl ls segments", "the segments, each in words"),
        ("clmctl ls messages -o json", "for a script"),
    ],
)
def ls(
    what: Annotated[
        str, typer.Argument(metavar="[" + "|".join(KINDS) + "]", help="What to list (flows).")
    ] = "flows",
    select: SelectOption = None,
    exclude: ExcludeOption = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    var: VariablesOption = None,
) -> int:
    """List flows, segments, stages or messages; with --select, preview a selection.

    Of segments, stages and messages a selector is a name or a pattern.
    """
    one_of("-o", output, FORMS)
    one_of("ls", what, KINDS)
    from orchestrator import app as root  # opens projects
    from orchestrator.cli import console
    from orchestrator.report import listing
    from orchestrator.report.layout import counted
    from orchestrator.report.streams import pretty_json

    opened = root.open_project(project, var)
    rows = listing.ROWS[what](opened.playbook, select or (), exclude or ())
    if output == "json":
        console.out(pretty_json(listing.ls_document(what, rows)))
        return 0
    columns = listing.COLUMNS[what]
    shown = [[_cell(row[column]) for column in columns] for row in rows]
    for line in console.results_page().entries(shown, header=_titles(columns)):
        console.out(line)
    console.say(counted(len(rows), what.removesuffix("s")))
    return 0


def _titles(columns: tuple[str, ...]) -> list[str]:
    return [column.replace("_", " ") for column in columns]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)
