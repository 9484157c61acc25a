"""``clmctl db status|upgrade|accept-secret``: the database's schema, and whose links are signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli import console
from orchestrator.cli.conventions import DatabaseOption, ProjectOption, verb, verb_app

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = verb_app("Create, upgrade or inspect the database.")


@verb(
    app,
    "status",
    examples=[
        ("clmctl db status", "which database, which schema, how many rows"),
        ("clmctl db status --db postgresql://clm@db/shop", "of another one"),
    ],
)
def status(project: ProjectOption = None, db: DatabaseOption = None) -> int:
    """Say which database is used, how its schema stands to this version, and what it holds.

    Exit code 5 if this version cannot use it as it is.
    """
    from sqlalchemy import func, select

    from orchestrator import tables
    from orchestrator.database import place_of
    from orchestrator.database_faults import database_faults
    from orchestrator.migrations.state import SchemaState, known_revisions, schema_state

    engine = _engine(project, db, read_only=True)
    state = schema_state(engine)
    console.out(f"database  {place_of(engine)}")
    console.out(f"schema    {state} (this version: {known_revisions()[-1]})")
    if state is not SchemaState.CURRENT:
        console.say(_ADVICE[state])
        return 5
    counted = (tables.customer, tables.event, tables.enrollment, tables.message, tables.receipt)
    with database_faults(), engine.connect() as connection:
        for table in counted:
            rows = connection.scalar(select(func.count()).select_from(table)) or 0
            console.out(f"{table.name:<12}{rows:>14,}")
    return 0


_ADVICE = {
    "none": "It is empty. Next: clmctl import customers FILE",
    "older": "Make a backup, then: clmctl db upgrade",
    "newer": "A newer version of clmctl made it: install that one.",
}


@verb(
    app,
    "upgrade",
    examples=[("clmctl db upgrade", "bring the schema to this version, in one transaction")],
)
def upgrade(project: ProjectOption = None, db: DatabaseOption = None) -> int:
    """Bring the database's schema to this version; make it if there is none. Data stays.

    One transaction: an upgrade that is cut off has changed nothing.
    """
    from orchestrator.database import place_of
    from orchestrator.migrations.state import SchemaState, schema_state, upgrade_schema

    engine = _engine(project, db, read_only=False)
    before = schema_state(engine)
    upgrade_schema(engine)
    done = (
        "is at this version already" if before is SchemaState.CURRENT else "is now at this version"
    )
    console.out(f"{place_of(engine)} {done}")
    return 0


@verb(
    app,
    "accept-secret",
    examples=[
        ("clmctl db accept-secret", "go on with the secret that is here; the old one is lost"),
        ("clmctl db accept-secret --yes", "the same without being asked"),
    ],
)
def accept_secret(project: ProjectOption = None, db: DatabaseOption = None) -> int:
    """Go on with another secret, because the one that links were signed with is lost for good.

    Every link in messages already sent is dead from then on: unsubscribing, preferences, and what
    mail says that comes back. First look for a backup of .clm/secret.key, or for the CLM_SECRET_KEY
    of the machine that sent. Makes a secret if there is none. Who did it is kept in the audit.
    Exit code 4: nobody said yes.
    """
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.clock import utcnow
    from orchestrator.delivery import signers
    from orchestrator.errors import RefusedError
    from orchestrator.settings import find_project
    from orchestrator.signing import known_keys

    folder = find_project(project)
    engine = root.open_database(folder, db)
    with root.looking(engine) as connection:
        wrong = signers.wrong_with(signers.signer(connection), known_keys(folder), folder)
    question = "Let all links in messages already sent be dead?"
    if wrong is not None and not console.confirm(f"{wrong}. {question}"):
        raise RefusedError(f"nothing was changed: {wrong}", help="answer with yes, or say --yes")
    before, after = signers.accept(engine, folder, utcnow())
    if before == after:
        console.say(f"Links are signed with the secret {after} already; nothing was changed.")
    else:
        instead = f", no longer with {before}" if before else ""
        console.say(f"Links are signed with the secret {after} from now on{instead}.")
        console.say("Next: give every machine this secret, and restart what sends and answers.")
    return 0


def _engine(project: Path | None, db: str | None, *, read_only: bool) -> Engine:
    from orchestrator.database import default_url, open_engine
    from orchestrator.settings import database_url, find_project

    url = database_url(db) or default_url(find_project(project))
    return open_engine(url, read_only=read_only)
