"""``clmctl schema``: the JSON Schemas that editors complete from."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.conventions import ProjectOption, verb, verb_app

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl schema", "write the language's words to schemas/"),
        ("clmctl schema --with-catalog", "the project's own events, segments and messages too"),
        ("clmctl schema --check", "say whether the files are what this version writes"),
    ],
)
def schema(
    with_catalog: Annotated[
        bool,
        typer.Option("--with-catalog", help="Offer the names that this project defines."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a file is stale.")
    ] = False,
    project: ProjectOption = None,
) -> int:
    """Write the JSON Schemas (draft-07) of all playbook files to schemas/.

    With --with-catalog, write them again whenever the catalog changes.
    """
    from orchestrator.cli import console
    from orchestrator.counting import counted
    from orchestrator.playbook.read import read_project
    from orchestrator.playbook.schema import stale_files, write_schemas
    from orchestrator.playbook.schema_names import names_in
    from orchestrator.settings import find_project

    root = find_project(project)
    names = names_in(read_project(root, {})) if with_catalog else None
    stale = stale_files(root, names) if check else write_schemas(root, names)
    for path in stale:
        console.out(str(path.relative_to(root)))
    if check:
        console.say(f"{counted(len(stale), 'file')} stale" if stale else "all schemas are fresh")
        return 1 if stale else 0
    console.say(f"{counted(len(stale), 'file')} written" if stale else "nothing to write")
    return 0
