"""``clmctl receive mail``: what came back by mail, from mailboxes or a mail server's pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import console
from orchestrator.cli.conventions import (
    DatabaseOption,
    ProjectOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.cli.failures import explain_failure
from orchestrator.cli.manner import is_terminal
from orchestrator.errors import NotNow, OrchestratorError, UsageError

if TYPE_CHECKING:
    from orchestrator.delivery.returning import Taken

FORMS = ("human", "json")
FORMAT = "clmctl.receive/1"
PIPE = Path("-")

app = verb_app("Take what came back: bounces, complaints, wishes to leave.")


@verb(
    app,
    "mail",
    examples=[
        ("clmctl receive mail", "one mail from a pipe, as an alias of a mail server calls it"),
        ("clmctl receive mail /var/mail/bounces ~/Maildir", "all mails of an mbox, of a Maildir"),
        ("clmctl receive mail report.eml -o json", "one mail, and what came of it as JSON"),
    ],
)
def mail(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Mails: files, mboxes, Maildirs, folders; - or nothing is one mail from a pipe.",
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="Whom a piped mail was sent to, if its headers do not say. Repeatable.",
        ),
    ] = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Take mail that came back: delivery and abuse reports, and wishes to leave.

    Each is counted once, however often it is read; nothing is changed in a mailbox. Automatic
    answers and whatever else arrives are left alone. Files that do not load are no obstacle.

    From a pipe, exit code 75 tells the mail server to keep the mail and try again later.
    """
    from orchestrator import app as root  # opens projects and databases

    one_of("-o", output, FORMS)
    sources = paths or [PIPE]
    is_piped = sources == [PIPE]
    _refuse(sources)
    with _kept() if is_piped else nullcontext():
        returns = root.returns_to(project, db, var)
        taken = root.take_mail(returns, _mails(sources), to or ())
    if output == "json":
        from orchestrator.report.streams import pretty_json

        console.out(pretty_json(_document(taken)))
    else:
        _tell(taken)
    return 0


def _refuse(sources: list[Path]) -> None:
    """Refuse what cannot be read, before anything is.

    Raises:
        UsageError: a path is not there, a pipe is among files, or nothing is piped in.
    """
    if PIPE in sources and len(sources) > 1:
        raise UsageError("- stands alone: one mail is read from a pipe")
    if sources == [PIPE] and is_terminal(sys.stdin):
        raise UsageError("no mail is piped in", help="name files, mboxes or Maildirs")
    for path in sources:
        if path != PIPE and not path.exists():
            raise UsageError(f"there is no {path}")


@contextmanager
def _kept() -> Iterator[None]:
    """Let the mail server keep a mail, whatever fails here: else it would be lost.

    Raises:
        NotNow: something failed.
    """
    try:
        yield
    except OrchestratorError as error:
        raise NotNow(str(error), help=error.help) from error
    except Exception as error:  # a bug of ours must not cost the mail either
        told = explain_failure(error, sys.argv[1:])
        raise NotNow(str(told), help=told.help) from error


def _mails(sources: list[Path]) -> Iterator[bytes]:
    from orchestrator.channels.mail.mailboxes import mails_in, one_mail

    if sources == [PIPE]:
        yield one_mail(sys.stdin.buffer)
        return
    for path in sources:
        yield from mails_in(path)


def _document(taken: Taken) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "read": taken.read,
        "new": {kind: taken.new[kind] for kind in ("bounced", "complained", "unsubscribed")},
        "repeated": taken.repeated,
        "unknown": taken.unknown,
        "unproved": taken.unproved,
        "noted": {kind: taken.noted[kind] for kind in ("delayed", "automatic", "other")},
    }


def _tell(taken: Taken) -> None:
    """Say what came of mails, in one line."""
    from orchestrator.counting import counted

    says = {
        "new bounces": taken.new["bounced"],
        "new complaints": taken.new["complained"],
        "wishes to leave": taken.new["unsubscribed"],
        "known already": taken.repeated,
        "about no message of ours": taken.unknown,
        "wishes that prove nothing": taken.unproved,
        "delays": taken.noted["delayed"],
        "automatic answers": taken.noted["automatic"],
        "others": taken.noted["other"],
    }
    found = ", ".join(f"{what} {count}" for what, count in says.items() if count)
    console.say(f"{counted(taken.read, 'mail')} read{': ' if found else ''}{found}")
