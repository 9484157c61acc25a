"""``clmctl channels test-send``: one real message, outside of flows and of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
)
from orchestrator.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from orchestrator.app import OpenProject
    from orchestrator.channels.outcome import Outcome
    from orchestrator.channels.routes import Route
    from orchestrator.delivery.trial import Trial
    from orchestrator.signing import Keys

FORMS = ("human", "json")
FORMAT = "clmctl.channels/1"
OK, FINDINGS = 0, 1
EXAMPLES = [
    ("clmctl channels test-send sms --to +4366012345678", "one line of text, after a question"),
    (
        "clmctl channels test-send email --to me@shop.example --message hello --customer c_1",
        "a message as that customer gets it, to somebody else",
    ),
]


def register(app: typer.Typer) -> None:
    """Make it one of the verbs of ``clmctl channels``."""
    verb(app, "test-send", examples=EXAMPLES)(send_one)


def route_of(routes: dict[str, Route], name: str) -> Route:
    """Return the route of a channel.

    Raises:
        UsageError: the project sets no such channel.
    """
    from orchestrator import app as root

    if name not in routes:
        raise root.unknown("channel", name, routes)
    return routes[name]


def send_one(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", help="Whom it really goes to.")
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("--message", metavar="M", help="A folder of templates/ (default: one line)."),
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option("--customer", metavar="ID", help="With --message: whose facts it shows."),
    ] = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    at: AtOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Send one real message, outside of flows and of the ledger, and say what came of it.

    It counts for nothing: no cap, no report, no customer knows of it. Its links unsubscribe
    nobody. Asks first, unless --yes. Exit code 1: it was not accepted; 4: it was not tried.
    """
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects
    from orchestrator.delivery.trial import Trial, send_trial, trial_message
    from orchestrator.playbook.routes import open_channels

    opened = root.open_project(project, var)
    route = route_of(open_channels(opened.playbook, opened.folder), channel)
    trial = Trial(channel=channel, to=_address(channel, to), now=opened.now(at), message=message)
    keys = root.trial_keys(opened, db)
    if message is not None:
        trial = _with_message(trial, opened, keys, customer=customer, db=db)
    elif customer is not None:
        raise UsageError("--customer says whose facts a message shows: name one with --message")
    _ask(route, trial, opened)
    outcome = send_trial(route, trial_message(trial, opened.playbook, keys))
    _tell(route, trial, outcome, output)
    return OK if outcome.kind == "accepted" else FINDINGS


def _address(channel: str, to: str | None) -> str:
    from orchestrator.channels.spec import CHANNELS

    spec = CHANNELS.get(channel)
    if spec is not None and spec.address is not None and not (to or "").strip():
        raise UsageError(f"{channel} needs an address: say --to", help="it really goes there")
    return (to or "").strip()


def _with_message(
    trial: Trial, opened: OpenProject, keys: Keys, *, customer: str | None, db: str | None
) -> Trial:
    """Return the trial with its message as the customer would get it.

    Raises:
        UsageError: there is no such message, or no customer was named.
        RefusedError: it cannot be rendered for the customer.
    """
    from dataclasses import replace

    from orchestrator import app as root
    from orchestrator.delivery.trial import trial_links
    from orchestrator.records.sends import RenderFailure
    from orchestrator.render.preview import Wanted, preview_send
    from orchestrator.render.renderer import Renderer

    playbook, name = opened.playbook, trial.message or ""
    if name not in playbook.messages:
        raise root.unknown("message", name, playbook.messages)
    if customer is None:
        raise UsageError("a message shows facts of a customer: name one with --customer")
    renderer = Renderer(playbook)
    wanted = Wanted(message=name, customer=customer, now=trial.now, channel=trial.channel)
    engine = root.open_database(opened.folder, db, read_only=True)
    with engine.connect() as connection:
        send = preview_send(connection, playbook, renderer, wanted)
    rendered = renderer.render(replace(send, links=trial_links(trial, playbook, keys)))
    if isinstance(rendered, RenderFailure):
        raise RefusedError(f"{name} cannot be rendered: {rendered.code}: {rendered.message}")
    return replace(trial, rendered=rendered)


def _ask(route: Route, trial: Trial, opened: OpenProject) -> None:
    """Go on only if sending is not switched off, and a person says yes.

    Raises:
        RefusedError: nothing may leave, or nobody said yes.
    """
    from orchestrator.delivery.switch import KILL_FILE, SEND_VARIABLE, Switch

    stop = opened.folder / KILL_FILE
    if why := Switch(stop).why_off():
        help = f"remove {KILL_FILE}, and unset {SEND_VARIABLE}, to let messages leave"
        raise RefusedError(f"sending is switched off ({why}): nothing was sent", help=help)
    where = f" to {_masked(trial)}" if trial.to else ""
    if not console.confirm(f"Send one message by {trial.channel} ({route.adapter.name}){where}?"):
        raise RefusedError("nothing was sent", help="answer with yes, or say --yes")


def _masked(trial: Trial) -> str:
    from orchestrator.render.mask import mask_address

    return mask_address(trial.channel, trial.to)


def _tell(route: Route, trial: Trial, outcome: Outcome, form: str) -> None:
    from orchestrator.report.layout import printable
    from orchestrator.report.streams import pretty_json

    if form == "json":
        told = {
            "channel": trial.channel,
            "adapter": route.adapter.name,
            "to": _masked(trial) if trial.to else None,
            "outcome": outcome.kind,
            "provider_id": outcome.provider_id,
            "code": outcome.code,
            "detail": outcome.detail,
        }
        console.out(pretty_json({"format": FORMAT, "sent": told}))
        return
    parts = (outcome.code, outcome.detail, outcome.provider_id and f"id {outcome.provider_id}")
    remarks = ", ".join(part for part in parts if part)
    console.out(printable(f"{outcome.kind}{f': {remarks}' if remarks else ''}"))
