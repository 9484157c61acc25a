"""Taking mail that came back: from files, or from the pipe of a mail server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.last_good import last_good
from orchestrator.app.opening import open_database
from orchestrator.clock import utcnow
from orchestrator.errors import EnvironmentFault
from orchestrator.settings import find_project

if TYPE_CHECKING:
    from orchestrator.channels.mail.reports import ReturnedMail
    from orchestrator.delivery.returning import Returns, Taken

TOGETHER = 200
"""Mails that are written in one transaction."""


def returns_to(given: Path | None, url: str | None, variables: Iterable[str] | None) -> Returns:
    """Return what takes the mail of a project, by its files or else by its last release.

    Raises:
        UsageError: there is no project.
        EnvironmentFault: there is no database of this version, nothing was ever run, or the
            secret is not here, or another: it would make every wish to leave look forged.
    """
    from orchestrator.delivery.links import links_of
    from orchestrator.delivery.returning import Returns
    from orchestrator.delivery.signers import refuse_another
    from orchestrator.signing import SECRET_FILE, SECRET_VARIABLE, known_keys

    folder = find_project(given)
    engine = open_database(folder, url)
    refuse_another(engine, folder)
    keys = known_keys(folder)
    if keys is None:
        raise EnvironmentFault(
            f"the secret that links are signed with is not here: there is no {SECRET_FILE}",
            help=f"or let {SECRET_VARIABLE} be set where mail is taken, as where it is sent",
        )
    known = last_good(folder, engine, variables)
    if known.playbook is None:
        raise EnvironmentFault(f"{known.refusal}, and nothing was ever run")
    return Returns(engine, known.playbook, links_of(known.playbook, keys))


def take_mail(returns: Returns, mails: Iterable[bytes], recipients: Iterable[str] = ()) -> Taken:
    """Return what came of mails, each as it stands in a mailbox; what was read is durable.

    Args:
        recipients: whom they were sent to, as the server says.
    Raises:
        EnvironmentFault: the database failed; the same mails may come again.
    """
    from orchestrator.channels.mail.reports import returned_mail
    from orchestrator.delivery.returning import Taken

    to, all_taken = tuple(recipients), Taken()
    for some in _handfuls(returned_mail(octets, to) for octets in mails):
        all_taken += returns.take(some, utcnow())
    return all_taken


def _handfuls(mails: Iterator[ReturnedMail]) -> Iterator[list[ReturnedMail]]:
    while some := list(islice(mails, TOGETHER)):
        yield some
