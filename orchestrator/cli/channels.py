"""``clmctl channels list|check|test-send``: what carries the messages, and whether it works."""

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
from orchestrator.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.app import OpenProject
    from orchestrator.channels.outcome import Outcome
    from orchestrator.channels.routes import Route
    from orchestrator.delivery.roster import ChannelLine
    from orchestrator.delivery.trial import Trial
    from orchestrator.signing import Keys

FORMS = ("human", "json")
FORMAT = "clmctl.channels/1"
OK, FINDINGS = 0, 1

app = verb_app("Look at the channels: what carries each, whether it works, one message for trial.")


@verb(
    app,
    "list",
    examples=[
        ("clmctl channels list", "what carries each channel, and which secrets are missing"),
        ("clmctl channels list -o json", "the same for a program"),
    ],
)
def list_(
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    var: VariablesOption = None,
) -> int:
    """List the channels that the project sets or sends on. Secrets are looked up, never shown."""
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects
    from orchestrator.delivery.roster import roster
    from orchestrator.report.streams import pretty_json

    opened = root.open_project(project, var)
    lines = roster(opened.playbook, opened.folder)
    if output == "json":
        console.out(pretty_json({"format": FORMAT, "channels": [_object(one) for one in lines]}))
        return OK
    for text in _page(lines):
        console.out(text)
    if not opened.playbook.channels:
        console.say("There is no playbooks/channels.yaml: every channel goes to the outbox folder.")
    return OK


def _object(line: ChannelLine) -> dict[str, Any]:
    place = line.place
    return {
        "channel": line.channel,
        "adapter": line.adapter,
        "where": {"path": place.path, "line": place.line} if place else None,
        "rate": line.rate,
        "burst": line.burst,
        "at_once": line.at_once,
        "on_in_doubt": dict(line.on_in_doubt),
        "can": list(line.can),
        "secrets": [{"place": one.place, "wrong": one.wrong} for one in line.secrets],
        "flows": list(line.flows),
    }


def _page(lines: list[ChannelLine]) -> Iterator[str]:
    """Yield each channel with what carries it, and below it what else is known."""
    page = console.results_page()
    heads = [
        [one.channel, one.adapter or "none", str(one.place or "") if one.adapter else "not set"]
        for one in lines
    ]
    for head, line in zip(page.table(heads, indent=0), lines, strict=True):
        yield head
        for remark in _remarks(line):
            yield from page.wrap(remark, indent=4, hang=2)


def _remarks(line: ChannelLine) -> Iterator[str]:
    if line.flows:
        yield f"flows: {', '.join(line.flows)}"
    if line.adapter is None:
        yield "its messages stay queued until playbooks/channels.yaml says what carries it"
        return
    pace = f"{line.rate}, up to {line.burst} after a pause; " if line.rate else ""
    yield f"pace: {pace}{line.at_once} at the wire together"
    yield f"in doubt: {_doubts(line)}"
    if line.can:
        yield f"can: {', '.join(line.can)}"
    if line.secrets:
        states = (f"{one.place} {'missing' if one.wrong else 'set'}" for one in line.secrets)
        yield f"secrets: {', '.join(states)}"


def _doubts(line: ChannelLine) -> str:
    """Return one policy if it is the same for all, else each with its purpose."""
    different = dict.fromkeys(policy for _, policy in line.on_in_doubt)
    if len(different) == 1:
        return next(iter(different))
    return ", ".join(f"{purpose} {policy}" for purpose, policy in line.on_in_doubt)


@verb(
    app,
    "check",
    examples=[
        ("clmctl channels check", "secrets, settings, and whether each provider lets us in"),
        ("clmctl channels check email", "one channel"),
    ],
)
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One channel; without it all.")
    ] = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    var: VariablesOption = None,
) -> int:
    """Open every channel and reach its provider, without sending. Exit code 1: one does not work.

    What its settings say was checked when they were read; `clmctl check` does that without
    secrets and without the network.
    """
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects
    from orchestrator.counting import counted
    from orchestrator.delivery.roster import roster, wrong_with_channel
    from orchestrator.playbook.routes import open_channels
    from orchestrator.report.streams import pretty_json

    opened = root.open_project(project, var)
    routes = open_channels(opened.playbook, opened.folder)
    chosen = (
        [_route(routes, name)] if name else _in_use(routes, roster(opened.playbook, opened.folder))
    )
    found = {route.channel: wrong_with_channel(route) for route in chosen}
    if output == "json":
        told = [{"channel": one, "wrong": wrong} for one, wrong in found.items()]
        console.out(pretty_json({"format": FORMAT, "checked": told}))
    else:
        rows = [[one, "; ".join(wrong) or "ok"] for one, wrong in found.items()]
        for line in console.results_page().entries(rows, header=["channel", "state"]):
            console.out(line)
        broken = sum(bool(wrong) for wrong in found.values())
        console.say(f"{counted(len(found), 'channel')} checked, {broken} with something wrong")
    return FINDINGS if any(found.values()) else OK


def _in_use(routes: dict[str, Route], lines: list[ChannelLine]) -> list[Route]:
    return [routes[line.channel] for line in lines if line.adapter is not None]


def _route(routes: dict[str, Route], name: str) -> Route:
    """Return the route of a channel.

    Raises:
        UsageError: the project sets no such channel.
    """
    from orchestrator import app as root

    if name not in routes:
        raise root.unknown("channel", name, routes)
    return routes[name]


@verb(
    app,
    "test-send",
    examples=[
        ("clmctl channels test-send sms --to +4366012345678", "one line of text, after a question"),
        (
            "clmctl channels test-send email --to me@shop.example --message hello --customer c_1",
            "a message as that customer gets it, to somebody else",
        ),
    ],
)
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
    from orchestrator.signing import keys_of

    opened = root.open_project(project, var)
    route = _route(open_channels(opened.playbook, opened.folder), channel)
    trial = Trial(channel=channel, to=_address(channel, to), now=opened.now(at), message=message)
    keys = keys_of(opened.folder)
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
    from orchestrator.records import RenderFailure
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
    from orchestrator.settings import LOCAL_FOLDER

    stop = opened.folder / LOCAL_FOLDER / KILL_FILE
    if Switch(stop).is_off():
        help = (
            f"remove {LOCAL_FOLDER / KILL_FILE}, and unset {SEND_VARIABLE}, to let messages leave"
        )
        raise RefusedError("sending is switched off: nothing was sent", help=help)
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


@verb(
    app,
    "export",
    examples=[("clmctl channels export", "write the lists that advertisers are given")],
)
def export(
    at: AtOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Write the lists of the channel audience anew: who is on them, consents and can be reached."""
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.counting import counted

    opened = root.open_project(project, var)
    engine = root.open_database(opened.folder, db, read_only=True)
    written = root.export_lists(opened, engine, at)
    if not written:
        raise UsageError(
            "channels.yaml sets no audience", help="docs/channels/audience.md says how to"
        )
    for wanted, done in written:
        people = f"{counted(done.people, 'person', 'people')}, {done.removed} removed"
        console.say(f"{wanted.list} for {wanted.platform}: {people}")
        console.out(str(done.file))
    return OK
