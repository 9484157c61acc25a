"""From what the command line says to a project whose files loaded, and a database that fits.

Heavy modules are imported inside, so that a verb pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestrator.clock import utcnow
from orchestrator.errors import UsageError
from orchestrator.language.marks import Problem
from orchestrator.language.nearest import did_you_mean
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.playbook.refusal import PlaybookErrors
from orchestrator.settings import (
    LOCAL_FOLDER,
    database_url,
    find_project,
    instant_from,
    read_variables,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.signing import Keys
    from orchestrator.tick.pauses import Pause

SLACK = timedelta(minutes=1)
"""How far clocks of schedulers may be ahead of ours before the present counts as the past; as far
as they may be from the database's."""
OUTBOX = "outbox"
"""The folder of a project that the ``file`` channel writes messages to."""


@dataclass(frozen=True)
class OpenProject:
    """A project whose files loaded without errors."""

    folder: Path
    playbook: Playbook
    warnings: tuple[Problem, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone."""
        return ZoneInfo(self.playbook.project.timezone)

    def now(self, at: str | None) -> datetime:
        """Return the instant that ``--at`` names, else the present one."""
        return instant_from(at, self.zone) if at is not None else utcnow()

    def slack(self, at: str | None) -> timedelta:
        """Return how far behind the latest tick an instant may lie that ``--at`` did not name."""
        return timedelta() if at is not None else SLACK

    def flow(self, name: str) -> Flow:
        """Return a flow by its id.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.playbook.flows:
            raise unknown("flow", name, self.playbook.flows)
        return self.playbook.flows[name]


def unknown(noun: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that the project does not have, with the nearest right one."""
    names = list(known)
    listed = f"{noun}s are: {', '.join(names) or 'none'}"
    return UsageError(f'there is no {noun} "{name}"', help=did_you_mean(name, names) + listed)


def open_project(given: Path | None, variables: Iterable[str] | None = None) -> OpenProject:
    """Read and check the project's files.

    Args:
        given: ``--project``; None is the nearest project here or above.
        variables: ``--var`` options, ``name=value``.
    Raises:
        UsageError: there is no project, or a variable is not understood.
        PlaybookErrors: the files have errors.
    """
    from orchestrator.playbook.check import check  # costs Jinja

    folder = find_project(given)
    loaded = check(folder, read_variables(variables or ()))
    if loaded.playbook is None:
        raise PlaybookErrors(loaded)
    return OpenProject(folder, loaded.playbook, tuple(loaded.problems))


def open_database(
    project: Path, url: str | None, *, read_only: bool = False, create: bool = False
) -> Engine:
    """Open the project's database and see that its schema is this version's.

    A reading verb on a project that has no database yet gets an empty one in memory.

    Args:
        url: ``--db``; None is ``CLM_DATABASE_URL``, else the file under ``.clm/``.
        create: make the tables if there are none.
    Raises:
        EnvironmentFault: it cannot be opened, or its schema is not this version's.
    """
    from orchestrator import database  # costs SQLAlchemy
    from orchestrator.migrations.state import require_schema

    if read_only and _is_without_database(project, url):
        return database.memory_engine()
    where = database_url(url) or database.default_url(project)
    engine = database.open_engine(where, read_only=read_only)
    require_schema(engine, create=create)
    return engine


def _is_without_database(project: Path, url: str | None) -> bool:
    return database_url(url) is None and not (project / LOCAL_FOLDER / "clm.db").exists()


def open_demo_database(project: Path, url: str | None) -> Engine:
    """Open the database of the sample shop, made or brought to this version's schema if need be.

    That is asked of nobody: no data in it are anybody's.

    Raises:
        EnvironmentFault: it cannot be opened, or a later version made it.
        RefusedError: it holds somebody else than the sample shop's customers.
    """
    from orchestrator import database  # costs SQLAlchemy
    from orchestrator.demo.loading import refuse_others
    from orchestrator.migrations.state import (
        SchemaState,
        require_schema,
        schema_state,
        upgrade_schema,
    )

    engine = database.open_engine(database_url(url) or database.default_url(project))
    if schema_state(engine) is SchemaState.OLDER:
        refuse_others(engine)
        upgrade_schema(engine)
    require_schema(engine, create=True)
    refuse_others(engine)
    return engine


def pauses_by_hand(opened: OpenProject, url: str | None) -> Mapping[str, Pause]:
    """Return the flows that are paused by hand, each with its pause; none without a database.

    Raises:
        EnvironmentFault: the database cannot be opened, or its schema is not this version's.
    """
    if _is_without_database(opened.folder, url):
        return {}
    from orchestrator.database_faults import database_faults  # costs SQLAlchemy
    from orchestrator.tick.pauses import EVERYTHING, pauses

    engine = open_database(opened.folder, url, read_only=True)
    with database_faults(), engine.connect() as connection:
        found = pauses(connection)
    each = {name: found.get(name, found.get(EVERYTHING)) for name in opened.playbook.flows}
    return {name: pause for name, pause in each.items() if pause is not None}


def trial_keys(opened: OpenProject, url: str | None) -> Keys:
    """Return the keys of a message for trial; none are made in place of those that are lost.

    Raises:
        SecretFault: the secret cannot be used, or there is none where one has signed links.
        EnvironmentFault: there is no secret, and the database cannot say whether one has signed.
    """
    from orchestrator.signing import keys_of, known_keys

    if known_keys(opened.folder) is not None or _is_without_database(opened.folder, url):
        return keys_of(opened.folder)
    from orchestrator import database  # costs SQLAlchemy
    from orchestrator.delivery.signers import refuse_another
    from orchestrator.migrations.state import SchemaState, require_schema, schema_state

    where = database_url(url) or database.default_url(opened.folder)
    engine = database.open_engine(where, read_only=True)
    if schema_state(engine) is not SchemaState.NONE:
        require_schema(engine)
        refuse_another(engine, opened.folder)
    return keys_of(opened.folder)


def breaker(opened: OpenProject, name: str) -> str:
    """Return the name of a volume breaker: a flow's, or the project's for its own.

    Raises:
        UsageError: there is none of that name.
    """
    project = str(opened.playbook.project.project)
    if name not in opened.playbook.flows and name != project:
        flows = ", ".join(opened.playbook.flows) or "none"
        raise UsageError(
            f'there is no flow "{name}"',
            help=did_you_mean(name, (*opened.playbook.flows, project))
            + f'flows are: {flows}; "{project}" is the project, for its own breaker',
        )
    return name


def known_flow(project: Path, name: str) -> str:
    """Return the name of a flow that the project's files have, whatever errors are in them.

    Raises:
        UsageError: there is none of that name.
    """
    from orchestrator.playbook.load import sound_parts
    from orchestrator.playbook.read import read_project

    flows = sound_parts(read_project(project, {})).flows
    if name not in flows:
        raise unknown("flow", name, flows)
    return name


def known_sender(project: Path, address: str) -> str:
    """Return the address of a sender that the project's files have, whatever errors are in them.

    Raises:
        UsageError: there is none of that address.
    """
    from orchestrator.channels.mail.addresses import parted
    from orchestrator.playbook.load import sound_parts
    from orchestrator.playbook.read import read_project

    senders = sound_parts(read_project(project, {})).catalog.senders or {}
    addresses = [parted(text)[1] for text in senders.values()]
    if address not in addresses:
        raise unknown("sender", address, addresses)
    return address


def known_channel(project: Path, name: str) -> str:
    """Return the name of a channel that a message, or a call, of the project can be on.

    Raises:
        UsageError: there is none of that name.
    """
    from orchestrator.channels.spec import CHANNELS, WEBHOOK
    from orchestrator.playbook.read import read_project

    read_project(project, {})  # a channel of a package joins the others when a file names it
    known = (*CHANNELS, WEBHOOK)
    if name not in known:
        raise unknown("channel", name, known)
    return name
