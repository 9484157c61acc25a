"""``clmctl suppression lift``: an address that bounced by mistake is used again."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import console
from orchestrator.cli.conventions import DatabaseOption, ProjectOption, verb, verb_app
from orchestrator.errors import UsageError

app = verb_app("Put addresses back into use that bounced by mistake.")


@verb(
    app,
    "lift",
    examples=[
        ("clmctl suppression lift c_1042", "the address bounced, and works again"),
        (
            'clmctl suppression lift c_1042 --channel email --reason "pressed spam by mistake"',
            "after a complaint, and only the e-mail address",
        ),
    ],
)
def lift(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    channel: Annotated[
        str | None,
        typer.Option(
            "--channel", metavar="CHANNEL", help="Only the address that this channel writes to."
        ),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Why a complaint may be passed over."),
    ] = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
) -> int:
    """Put a customer's addresses back into use, and keep who did it, when and why.

    What bounced is lifted at a word, what was complained of only with --reason. Consent is not
    touched: who unsubscribed or complained stays so until they subscribe again. Nothing is sent
    by this; what bounces again is out of use again.

    Exit codes: 1 if there is no such customer, 4 if a complaint needs --reason.
    """
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.clock import utcnow
    from orchestrator.customers import customer_row
    from orchestrator.delivery import reinstating
    from orchestrator.settings import find_project

    if reason is not None and not reason.strip():
        raise UsageError("--reason is empty", help="say why the complaint may be passed over")
    folder = find_project(project)
    if channel is not None:
        root.known_channel(folder, channel)
    engine = root.open_database(folder, db)
    zone = root.last_good(folder, engine, None).zone
    lifted = root.acting(
        engine,
        lambda connection: reinstating.lift(
            connection, customer_row(connection, customer), utcnow(), zone,
            channel=channel, why=reason,
        ),
    )  # fmt: skip
    if not lifted:
        console.say(f"No address of {customer} is out of use; nothing was changed.")
        return 0
    for one in lifted:
        console.say(f"In use again: {one.says(zone)}.")
    console.say(f"Next: clmctl outbox list --customer {customer} shows what was not delivered.")
    return 0
