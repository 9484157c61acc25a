"""``clmctl render``: one message as one customer gets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.conventions import (
    AtOption,
    DatabaseOption,
    ProjectOption,
    RevealOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.errors import EnvironmentFault

if TYPE_CHECKING:
    from orchestrator.records import Rendered, RenderFailure, Send

FORMS = ("human", "json")
RENDER_FORMAT = "clmctl.render/1"
EXAMPLES = [
    ("clmctl render welcome_hello --customer c_1042", "subject and text; the HTML as a file"),
    ("clmctl render welcome_hello --customer c_1042 --open", "the HTML in the browser"),
    ("clmctl render cart_reminder --customer c_1042 --channel push", "another channel"),
    ("clmctl render we_miss_you --customer c_1042 -o json", "everything as JSON"),
]

app = verb_app()


@verb(app, examples=EXAMPLES)
def render(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="A folder of templates/.")],
    customer: Annotated[str, typer.Option("--customer", metavar="ID", help="The customer's id.")],
    channel: Annotated[
        str | None,
        typer.Option("--channel", metavar="CHANNEL", help="The channel (default: the step's)."),
    ] = None,
    flow: Annotated[
        str | None,
        typer.Option("--flow", metavar="FLOW", help="As this flow sends it (default: the first)."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the HTML in the browser.")] = False,
    at: AtOption = None,
    reveal: RevealOption = False,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Show one message as one customer gets it: subject, text, and the HTML as a file.

    Addresses and personal attributes are masked unless --reveal. Nothing is sent or kept.
    Exit code 1: there is no such customer, or the message cannot be rendered for them.
    """
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import console
    from orchestrator.render.mask import Masking
    from orchestrator.render.preview import Wanted, preview_send
    from orchestrator.render.renderer import Renderer
    from orchestrator.report.streams import pretty_json

    opened = root.open_project(project, var)
    playbook = opened.playbook
    if message not in playbook.messages:
        raise root.unknown("message", message, playbook.messages)
    if flow is not None:
        opened.flow(flow)
    wanted = Wanted(
        message=message, customer=customer, now=opened.now(at), channel=channel, flow=flow
    )
    renderer = Renderer(playbook)
    engine = root.open_database(opened.folder, db, read_only=True)
    with engine.connect() as connection:
        send = preview_send(connection, playbook, renderer, wanted)
    result = renderer.render(send)
    if not reveal:
        send = Masking(playbook).send(send)
        if failure_of(result) is None:  # judged as it would be sent, shown masked
            result = renderer.render(send)
    if output == "json":
        console.out(pretty_json(document(send, result)))
    else:
        for line in told(send, result):
            console.out(line)
    page = _html_page(opened.folder, send, result)
    if page is not None and (output == "human" or open_):
        console.say(f"HTML: {page}")
    if page is not None and open_:
        typer.launch(page.as_uri())
    return 0 if failure_of(result) is None else 1


def failure_of(result: Rendered | RenderFailure) -> RenderFailure | None:
    """Return why there is no message, or None if there is one."""
    from orchestrator.records import RenderFailure

    return result if isinstance(result, RenderFailure) else None


def document(send: Send, result: Rendered | RenderFailure) -> dict[str, object]:
    """Return the message as ``-o json`` tells it."""
    failed = failure_of(result)
    parts = ("to", "subject", "preheader", "text", "html", "locale")
    return {
        "format": RENDER_FORMAT,
        "message": send.message,
        "customer": send.customer.external_id,
        "flow": send.flow or None,
        "step": send.step,
        "channel": send.channel,
        **{part: None if failed else getattr(result, part) for part in parts},
        "error": {"code": failed.code, "message": failed.message} if failed else None,
    }


def told(send: Send, result: Rendered | RenderFailure) -> list[str]:
    """Return the message as a person reads it; control characters are made visible."""
    from orchestrator.records import RenderFailure
    from orchestrator.report.layout import printable

    if isinstance(result, RenderFailure):
        return [f"{send.message} cannot be rendered for {printable(send.customer.external_id)}:",
                f"  {result.code}: {printable(result.message)}"]  # fmt: skip
    heads = (
        ("Channel", send.channel),
        ("Locale", result.locale or "the template without a locale"),
        ("To", result.to or "(no address)"),
        ("Subject", result.subject),
        ("Preheader", result.preheader),
    )
    lines = [f"{name + ':':<11}{printable(value)}" for name, value in heads if value]
    return [*lines, "", *(printable(line) for line in result.text.splitlines())]


def _html_page(folder: Path, send: Send, result: Rendered | RenderFailure) -> Path | None:
    """Write the HTML beside the project's database, for a browser; return its file."""
    html = getattr(result, "html", None)
    if html is None:
        return None
    path = folder / ".clm" / "render" / f"{send.message}.{send.channel}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from None
    return path.resolve()
