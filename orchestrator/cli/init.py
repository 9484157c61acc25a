"""``clmctl init [DIR]``: a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.conventions import verb, verb_app
from orchestrator.counting import counted

EXAMPLES = [
    ("clmctl init shop", "the example shop: seven flows, messages in two languages, sample data"),
    ("clmctl init shop --lifecycle growth", "the same with another stage model"),
    ("clmctl init . --template blank", "one draft flow and one message, in this folder"),
]
DEMO_NOW = "2026-03-02T10:00"

app = verb_app()


@verb(app, examples=EXAMPLES)
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The new project's folder (default: this one).")
    ] = Path(),
    template: Annotated[
        str, typer.Option("--template", metavar="NAME", help="What it begins with: shop or blank.")
    ] = "shop",
    lifecycle: Annotated[
        str,
        typer.Option(
            "--lifecycle",
            metavar="NAME",
            help="Its stage model: classic, growth, ecommerce, race, attract-sell-wow or "
            "relationship.",
        ),
    ] = "ecommerce",
) -> int:
    """Start a new project: playbooks, templates, schemas for the editor, a CI file.

    The folder must be new or empty.
    """
    from orchestrator.cli import console
    from orchestrator.cli.conventions import one_of
    from orchestrator.scaffold.project import start_project  # reads the templates
    from orchestrator.scaffold.sources import LIFECYCLES, TEMPLATES

    one_of("--template", template, TEMPLATES)
    one_of("--lifecycle", lifecycle, tuple(LIFECYCLES))
    written = start_project(folder, template, lifecycle)
    flows = sum(path.startswith("playbooks/flows/") for path in written)
    messages = len(
        {path.split("/")[1] for path in written if path.startswith("templates/")} - _INNER
    )
    console.out(
        f"{folder}: {counted(flows, 'flow')}, {counted(messages, 'message')}, stages: {lifecycle}"
    )
    console.say("Next:")
    for command, meaning in _next(folder, template):
        console.say(f"  {command}" + (f"\n      {meaning}" if meaning else ""))
    return 0


_INNER = {"_layouts", "_partials"}


def _next(folder: Path, template: str) -> list[tuple[str, str]]:
    """Return the commands to go on with, and what each is for."""
    go = [] if folder.resolve() == Path.cwd() else [(f"cd {folder}", "")]
    if template == "shop":
        return [
            *go,
            ("clmctl demo", "load the sample shop, run two weeks of ticks"),
            (f"clmctl run --dry-run --at {DEMO_NOW}", "see who would receive what"),
        ]
    return [
        *go,
        ("clmctl check", "read everything"),
        ("clmctl import customers customers.csv", "load your customers, then your events"),
        ("clmctl run --dry-run --select welcome --as-live-since 2026-01-01", "a first preview"),
    ]
