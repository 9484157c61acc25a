"""``clmctl outbox in-doubt``: messages that may or may not have been taken, and what is ruled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import console
from orchestrator.cli.conventions import (
    DatabaseOption,
    ProjectOption,
    output_option,
    verb,
    verb_app,
)
from orchestrator.cli.outbox_listing import list_messages
from orchestrator.cli.outbox_options import (
    FORMS,
    ChannelOption,
    CustomerOption,
    FlowOption,
    LimitOption,
    opened,
)

if TYPE_CHECKING:
    from orchestrator.delivery.outbox import Ruling

app = verb_app("End the doubt about messages that may or may not have been taken.")

MessageArgument = Annotated[
    list[int], typer.Argument(metavar="ID…", min=1, help="Messages, by their ids.")
]


@verb(
    app,
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
    return list_messages(
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

        root.acting(opened(project, db)[1], act)
        console.say(f"{counted(len(numbers), 'message')} {done}.")
        return 0

    rule.__doc__ = says
    verb(app, ruling, examples=[(f"clmctl outbox in-doubt {ruling} 17", when)])(rule)


for _ruling, _words in RULINGS.items():
    _add(_ruling, *_words)
