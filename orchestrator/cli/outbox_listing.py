"""The work of both lists of ``clmctl outbox``: of all messages, and of those in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli import console
from orchestrator.cli.conventions import one_of
from orchestrator.cli.outbox_options import FORMS, opened, project_of, require_names
from orchestrator.cli.outbox_telling import object_of, print_json, show_lines, surge_object
from orchestrator.cli.telling import warn_of_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def list_messages(
    state: Sequence[str] | None,
    *,
    flow: str | None,
    channel: str | None,
    customer: str | None,
    limit: int,
    output: str,
    project: Path | None,
    db: str | None,
) -> int:
    """List messages in some states; without ``state`` those on their way, and what is held."""
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.customers import customer_row
    from orchestrator.delivery import complaints, outbox

    for one in state or ():
        one_of("--state", one, outbox.STATES)
    folder, engine = opened(project, db)
    with root.looking(engine) as connection:
        whose = int(customer_row(connection, customer)["id"]) if customer is not None else None
        states = state or outbox.UNFINISHED
        lines, count = outbox.listed(
            connection, states, flow=flow, channel=channel, customer=whose, limit=limit
        )
        held = [] if state or customer else outbox.surges(connection)
        senders = frozenset() if state or customer else complaints.held_senders(connection)
    known = project_of(folder, engine)
    lines = root.with_keepers(known, folder, engine, lines)
    if not count:
        require_names(project, flow, channel)
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
    warn_of_files(known())
    return 0
