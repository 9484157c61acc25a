"""``clmctl render``: one message as one customer gets it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Sequence
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
    from orchestrator.playbook.model import AttachedFile, Playbook
    from orchestrator.records.sends import Rendered, RenderFailure, Send

FORMS = ("human", "json", "html")
RENDER_FORMAT = "clmctl.render/1"
EXAMPLES = [
    ("clmctl render welcome_hello --customer c_1042", "subject and text; the HTML as a file"),
    ("clmctl render welcome_hello --customer c_1042 --open", "as its channel carries it"),
    ("clmctl render cart_reminder --customer c_1042 --channel push", "another channel"),
    ("clmctl render we_miss_you --customer c_1042 -o json", "everything as JSON"),
    ("clmctl render we_miss_you --customer c_1042 -o html > page.html", "the page of --open"),
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
    open_: Annotated[bool, typer.Option("--open", help="Open it as a page.")] = False,
    at: AtOption = None,
    reveal: RevealOption = False,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Show one message as one customer gets it: subject, text, and the HTML as a file.

    --open shows it in the browser as its channel carries it: a mail with its headers, at the width
    of a computer and of a telephone, and its text part; a text message with its segments; a push
    card. The page fetches nothing. It is a file of .clm/render/; -o html prints it instead.

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
    files = attached_to(playbook, send)
    if output == "json":
        lines = [pretty_json(document(send, result, files))]
    elif output == "html" and failure_of(result) is None:
        lines = [page_of(playbook, send, result)]
    else:
        lines = told(send, result, files)
    for line in lines:
        console.out(line)
    html = getattr(result, "html", None)
    if html is not None and output == "human":
        console.say(f"HTML: {_written(opened.folder, f'{message}.{send.channel}.html', html)}")
    if open_ and failure_of(result) is None:
        name = f"{message}.{send.channel}.page.html"
        page = _written(opened.folder, name, page_of(playbook, send, result))
        console.say(f"Page: {page}")
        _show(page)
    return 0 if failure_of(result) is None else 1


def page_of(playbook: Playbook, send: Send, result: Rendered | RenderFailure) -> str:
    """Return a message as a page that shows it as its channel carries it."""
    from orchestrator.playbook.senders import sender_of
    from orchestrator.records.sends import Rendered
    from orchestrator.report.attached import with_size
    from orchestrator.report.message_page import message_page

    assert isinstance(result, Rendered)
    files = [with_size(one) for one in attached_to(playbook, send)]
    return message_page(send, result, sender_of(playbook, send.message), files)


def attached_to(playbook: Playbook, send: Send) -> tuple[AttachedFile, ...]:
    """Return the files that go with a message."""
    from orchestrator.playbook.attachments import attachments_of

    return attachments_of(playbook, send.message, send.channel)


def failure_of(result: Rendered | RenderFailure) -> RenderFailure | None:
    """Return why there is no message, or None if there is one."""
    from orchestrator.records.sends import RenderFailure

    return result if isinstance(result, RenderFailure) else None


def document(
    send: Send, result: Rendered | RenderFailure, files: Sequence[AttachedFile] = ()
) -> dict[str, object]:
    """Return the message as ``-o json`` tells it."""
    from orchestrator.report.attached import attachment_object

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
        "attachments": [attachment_object(one) for one in files],
        "error": {"code": failed.code, "message": failed.message} if failed else None,
    }


def told(
    send: Send, result: Rendered | RenderFailure, files: Sequence[AttachedFile] = ()
) -> list[str]:
    """Return the message as a person reads it; control characters are made visible."""
    from orchestrator.records.sends import RenderFailure
    from orchestrator.report.attached import with_size
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
        *(("Attached", with_size(one)) for one in files),
    )
    lines = [f"{name + ':':<11}{printable(value)}" for name, value in heads if value]
    return [*lines, "", *(printable(line) for line in result.text.splitlines())]


def _written(folder: Path, name: str, text: str) -> Path:
    """Write a page beside the project's database, for a browser; return its file."""
    path = folder / ".clm" / "render" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from None
    return path.resolve()


def _show(page: Path) -> None:
    """Have the desktop show a page, in silence: where there is no browser, its path was told."""
    opener = shutil.which("xdg-open")
    if opener is None:
        typer.launch(page.as_uri())  # quiet itself, where the system has another way
        return
    # A session of its own: no browser of the terminal takes the screen, Ctrl-C closes no window.
    with contextlib.suppress(OSError):
        subprocess.Popen(  # noqa: S603  # no shell, and a path of our own making
            [opener, str(page)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
