"""``clmctl outbox``: what is on its way, what got stuck, and what a person rules about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import console
from orchestrator.cli.conventions import (
    DatabaseOption,
    ProjectOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.cli.outbox_doubts import app as doubts
from orchestrator.cli.outbox_listing import list_messages
from orchestrator.cli.outbox_options import (
    FORMS,
    ChannelOption,
    CustomerOption,
    FlowOption,
    LimitOption,
    opened,
    project_of,
    require_names,
)
from orchestrator.cli.outbox_telling import print_json, show_story, story_object
from orchestrator.cli.telling import warn_of_files
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.delivery.retrying import OutOfUse

_NOTHING = "Nothing was held; nothing was changed."

app = verb_app("Look at messages on their way, and rule about those that got stuck.")
app.add_typer(doubts, name="in-doubt")


@verb(
    app,
    "list",
    examples=[
        ("clmctl outbox list", "what is on its way, in doubt or dead"),
        ("clmctl outbox list --state dead --flow welcome", "what one flow could not deliver"),
        ("clmctl outbox list --customer c_1042 --state sent", "what one customer was sent"),
        ("clmctl outbox list -o json", "the same for a program"),
    ],
)
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only in this state; repeatable."),
    ] = None,
    flow: FlowOption = None,
    channel: ChannelOption = None,
    customer: CustomerOption = None,
    limit: LimitOption = 100,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """List messages on their way, the latest first, and what a surge holds. Never an address."""
    return list_messages(
        state,
        flow=flow,
        channel=channel,
        customer=customer,
        limit=limit,
        output=output,
        project=project,
        db=db,
    )


@verb(
    app,
    "show",
    examples=[("clmctl outbox show 17", "one message, and all that happened to it")],
)
def show(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="The message's id.")],
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Show where one message stands, and all that its way, people and receipts tell of it."""
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.delivery import outbox

    folder, engine = opened(project, db)
    with root.looking(engine) as connection:
        line, happened = outbox.story(connection, number)
    known = project_of(folder, engine)
    (line,) = root.with_keepers(known, folder, engine, [line])
    if output == "json":
        print_json(story_object(line, happened))
        return 0
    show_story(line, happened, known().zone)
    warn_of_files(known())
    return 0


@verb(
    app,
    "retry",
    examples=[
        ("clmctl outbox retry 17 18", "queue dead messages once more"),
        ("clmctl outbox retry --flow welcome", "all dead ones of a flow"),
    ],
)
def retry(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[ID…]", help="Dead messages, by their ids.")
    ] = None,
    flow: FlowOption = None,
    channel: ChannelOption = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Queue dead messages once more, as a new generation that is looked at like any other.

    None is queued whose customer's address is out of use, for it bounced or its holder complained.
    """
    if bool(numbers) == bool(flow or channel):
        raise UsageError("name messages by ID, or say --flow or --channel")
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.clock import utcnow
    from orchestrator.counting import counted, number
    from orchestrator.delivery import retrying

    folder, engine = opened(project, db)
    zone = project_of(folder, engine)().zone

    def act(connection: Any) -> tuple[list[int], list[OutOfUse]]:
        if numbers:
            return retrying.retry(connection, numbers, utcnow(), zone), []
        return retrying.retry_dead(connection, utcnow(), flow=flow, channel=channel)

    made, shut = root.acting(engine, act)
    if not made and not shut:
        require_names(project, flow, channel)
    for one in shut:
        console.warn(one.says(zone))
    kept = f"; {number(len(shut))} not, for their addresses are out of use" if shut else ""
    console.say(f"{counted(len(made), 'message')} queued again{kept}.")
    return 0


@verb(
    app,
    "approve",
    examples=[
        ("clmctl outbox approve win_back", "its messages leave, though they are unusually many"),
        ("clmctl outbox approve --all", "the same of all flows"),
        ("clmctl outbox approve news@shop.example", "marketing of a sender, despite complaints"),
    ],
)
def approve(
    flow: Annotated[
        str | None,
        typer.Argument(metavar="FLOW|SENDER", help="Whose messages; a sender by its address."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of all flows.")] = False,
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Let go messages that are held because a step sent far more at once than it ever did.

    Or the marketing of a sender of whom too many have complained: clmctl status names it.
    """
    if (flow is None) != everything:
        raise UsageError(
            "name one FLOW or SENDER, or say --all", help="clmctl outbox list shows what is held"
        )
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.clock import utcnow
    from orchestrator.counting import counted
    from orchestrator.delivery import complaints, outbox

    folder, engine = opened(project, db)
    if flow is not None and "@" in flow:
        sender = flow
        held = root.acting(engine, lambda one: complaints.release(one, sender, utcnow()))
        if not held:
            root.known_sender(folder, sender)
        console.say(f"Marketing of {sender} may leave." if held else _NOTHING)
        return 0
    let_go = root.acting(engine, lambda connection: outbox.approve(connection, flow, utcnow()))
    if not let_go:
        require_names(project, flow, None)
        console.say(_NOTHING)
        return 0
    console.say(f"{counted(sum(one.messages for one in let_go), 'message')} may leave.")
    return 0
