"""The ledger under a person's hands: each act in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestrator.errors import EnvironmentFault

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from orchestrator.app.last_good import LastGood
    from orchestrator.app.opening import OpenProject
    from orchestrator.channels.audience import AudienceList
    from orchestrator.channels.audience_files import Written
    from orchestrator.delivery.outbox import MessageLine

T = TypeVar("T")


@contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads."""
    from orchestrator.database_faults import database_faults

    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        yield connection


def with_keepers(
    known: Callable[[], LastGood], folder: Path, engine: Engine, lines: Sequence[MessageLine]
) -> list[MessageLine]:
    """Return messages with what keeps those back that are queued, before what is known of them.

    Args:
        known: the project, asked for only if a message is queued.
        folder: the project's.
    Raises:
        EnvironmentFault: the database refused.
    """
    from orchestrator.delivery.keeping import kept_back

    rows = [one.id for one in lines if one.state == "queued"]
    if not rows:
        return list(lines)
    playbook = known().playbook
    with looking(engine) as connection:
        why = kept_back(connection, playbook, folder, rows)
    return [
        replace(one, why="; ".join(filter(None, (why.get(one.id), one.why))) or None)
        for one in lines
    ]


def acting(engine: Engine, act: Callable[[Connection], T]) -> T:
    """Do something to the ledger whole, or not at all."""
    from orchestrator.database import in_one_transaction
    from orchestrator.database_faults import database_faults

    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        return in_one_transaction(connection, lambda: act(connection))


def export_lists(
    opened: OpenProject, engine: Engine, at: str | None
) -> list[tuple[AudienceList, Written]]:
    """Write the lists for advertisers, as of now or of ``--at``, and remember that they are.

    Lists as of an instant to come are not remembered: the clock writes those of today all the same.

    Raises:
        EnvironmentFault: the folder cannot be written.
    """
    from orchestrator.clock import utcnow
    from orchestrator.delivery.audiences import Export, export_audiences, note_export

    now = opened.now(at)

    def note(wanted: AudienceList, export: Export) -> None:
        if now <= utcnow():
            acting(engine, lambda connection: note_export(connection, wanted, export))

    with looking(engine) as connection:
        try:
            return export_audiences(connection, opened.playbook, opened.folder, now, note)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise EnvironmentFault(f"the lists cannot be written: {reason}") from None
