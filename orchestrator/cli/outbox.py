"""``clmctl outbox``: what is on its way, what got stuck, and what a person rules about it."""

from __future__ import annotations

from functools import cache
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
from orchestrator.cli.outbox_telling import (
    object_of,
    print_json,
    show_lines,
    show_story,
    story_object,
    surge_object,
)
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from orchestrator.app import LastGood
    from orchestrator.delivery.outbox import Ruling
    from orchestrator.delivery.retrying import OutOfUse

FORMS = ("human", "json")
_NOTHING = "Nothing was held; nothing was changed."

app = verb_app("Look at messages on their way, and rule about those that got stuck.")
doubts = verb_app("End the doubt about messages that may or may not have been taken.")
app.add_typer(doubts, name="in-doubt")

MessageArgument = Annotated[
    list[int], typer.Argument(metavar="ID…", min=1, help="Messages, by their ids.")
]
FlowOption = Annotated[
    str | None, typer.Option("--flow", metavar="FLOW", help="Only messages of this flow.")
]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", metavar="CHANNEL", help="Only on this channel.")
]
CustomerOption = Annotated[
    str | None,
    typer.Option("--customer", metavar="ID", help="Only to this customer, by the customer's id."),
]
LimitOption = Annotated[
    int,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        max=1_000_000,
        help="Show at most so many, the latest first.",
    ),
]


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
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.delivery import complaints, outbox
    from orchestrator.explain.customers import customer_row

    for one in state or ():
        one_of("--state", one, outbox.STATES)
    folder, engine = _opened(project, db)
    with root.looking(engine) as connection:
        whose = int(customer_row(connection, customer)["id"]) if customer is not None else None
        states = state or outbox.UNFINISHED
        lines, count = outbox.listed(
            connection, states, flow=flow, channel=channel, customer=whose, limit=limit
        )
        held = [] if state or customer else outbox.surges(connection)
        senders = frozenset() if state or customer else complaints.held_senders(connection)
    known = _known(folder, engine)
    lines = root.with_keepers(known, folder, engine, lines)
    if not count:
        _require_names(project, flow, channel)
    if output == "json":
        print_json({"messages": [object_of(one) for one in lines], "count": count,
                     "surges": [surge_object(one) for one in held]})  # fmt: skip
        return 0
    show_lines(lines, count, known().zone)
    for surge in held:
        console.warn(
            f"{surge.flow}: {surge.messages} messages of {surge.step} are held: {surge.why}; "
            f"clmctl outbox approve {surge.flow} lets them go"
        )
    for sender in sorted(senders):
        console.warn(
            f"marketing of {sender} is held, for many complain of it; "
            f"clmctl outbox approve {sender} lets it go"
        )
    _warn_of_files(known())
    return 0


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

    folder, engine = _opened(project, db)
    with root.looking(engine) as connection:
        line, happened = outbox.story(connection, number)
    known = _known(folder, engine)
    (line,) = root.with_keepers(known, folder, engine, [line])
    if output == "json":
        print_json(story_object(line, happened))
        return 0
    show_story(line, happened, known().zone)
    _warn_of_files(known())
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

    folder, engine = _opened(project, db)
    zone = _known(folder, engine)().zone

    def act(connection: Any) -> tuple[list[int], list[OutOfUse]]:
        if numbers:
            return retrying.retry(connection, numbers, utcnow(), zone), []
        return retrying.retry_dead(connection, utcnow(), flow=flow, channel=channel)

    made, shut = root.acting(engine, act)
    if not made and not shut:
        _require_names(project, flow, channel)
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

    folder, engine = _opened(project, db)
    if flow is not None and "@" in flow:
        sender = flow
        held = root.acting(engine, lambda one: complaints.release(one, sender, utcnow()))
        if not held:
            root.known_sender(folder, sender)
        console.say(f"Marketing of {sender} may leave." if held else _NOTHING)
        return 0
    let_go = root.acting(engine, lambda connection: outbox.approve(connection, flow, utcnow()))
    if not let_go:
        _require_names(project, flow, None)
        console.say(_NOTHING)
        return 0
    console.say(f"{counted(sum(one.messages for one in let_go), 'message')} may leave.")
    return 0


# --- in doubt -------------------------------------------------------------------------


@verb(
    doubts,
    "list",
    examples=[("clmctl outbox in-doubt list", "what may or may not have been taken")],
)
def list_doubts(
    flow: FlowOption = None,
    channel: ChannelOption = None,
    customer: CustomerOption = None,
    limit: LimitOption = 100,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """List the messages that may or may not have been taken."""
    return list_(
        ["in_doubt"],
        flow=flow,
        channel=channel,
        customer=customer,
        limit=limit,
        output=output,
        project=project,
        db=db,
    )


RULINGS: dict[Ruling, tuple[str, str, str]] = {
    "mark-sent": (
        "Say that messages were taken: they are sent.",
        "the provider's log has it",
        "counted as sent",
    ),
    "resend": (
        "Send messages again under the same key; whoever got the first gets a second.",
        "the provider's log does not have it",
        "to be sent once more",
    ),
    "discard": ("Give messages up: they are dead.", "rather not at all than twice", "given up"),
}
"""What a person may rule: what it does, when, and what the messages are by that."""


def _add(ruling: Ruling, says: str, when: str, done: str) -> None:
    def rule(
        numbers: MessageArgument, project: ProjectOption = None, db: DatabaseOption = None
    ) -> int:
        from orchestrator import app as root  # opens projects and databases
        from orchestrator.clock import utcnow
        from orchestrator.counting import counted
        from orchestrator.delivery import outbox

        def act(connection: Any) -> None:
            for number in numbers:
                outbox.rule(connection, number, ruling, utcnow())

        root.acting(_opened(project, db)[1], act)
        console.say(f"{counted(len(numbers), 'message')} {done}.")
        return 0

    rule.__doc__ = says
    verb(doubts, ruling, examples=[(f"clmctl outbox in-doubt {ruling} 17", when)])(rule)


for _ruling, _words in RULINGS.items():
    _add(_ruling, *_words)


def _require_names(project: Path | None, flow: str | None, channel: str | None) -> None:
    """See that nothing was found because there is nothing, and not because of a slip.

    Raises:
        UsageError: there is no such flow, or no such channel.
    """
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.settings import find_project

    if flow is not None:
        root.known_flow(find_project(project), flow)
    if channel is not None:
        root.known_channel(find_project(project), channel)


def _opened(project: Path | None, db: str | None) -> tuple[Path, Engine]:
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.settings import find_project

    folder = find_project(project)
    return folder, root.open_database(folder, db, create=True)


def _known(folder: Path, engine: Engine) -> Callable[[], LastGood]:
    """Return how to ask for the project, whatever state its files are in; it is read once."""
    from orchestrator import app as root  # opens projects and databases

    return cache(lambda: root.last_good(folder, engine, None))


def _warn_of_files(known: LastGood) -> None:
    if known.warning:
        console.warn(known.warning)
