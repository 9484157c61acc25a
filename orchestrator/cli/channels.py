"""``clmctl channels list|check|test-send``: what carries the messages, and whether it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.channels.spec import WEBHOOK
from orchestrator.cli import console, trial
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
from orchestrator.cli.trial import FINDINGS, FORMAT, FORMS, OK, route_of
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.channels.routes import Route
    from orchestrator.delivery.roster import ChannelLine


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
        console.say("There is no playbooks/channels.yaml: all messages go to the outbox folder.")
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
        what = "calls" if line.channel == WEBHOOK else "messages"
        yield f"its {what} stay queued until playbooks/channels.yaml says what carries it"
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
    if name:
        chosen = [route_of(routes, name)]
    else:
        chosen = _in_use(routes, roster(opened.playbook, opened.folder))
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


trial.register(app)


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
    engine = root.open_database(opened.folder, db, create=True)
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
