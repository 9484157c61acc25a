"""Mail that nobody sends, or whose sender the DKIM key does not sign for."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.channels.mail.addresses import address, parted
from orchestrator.channels.mail.compose import aligned
from orchestrator.channels.mail.headers import HeaderRefused
from orchestrator.channels.mail.settings import Dkim, EmailSettings
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.senders import sender_of
from orchestrator.playbook.walk import channels_of, flows_in_use, sends_of

CODE = "CLM423"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield sends by mail that have no sender, and senders of another domain than the key's.

    Only where mail leaves by SMTP: the ``file`` adapter asks for neither.
    """
    carried = (one for one in playbook.channels.values() if isinstance(one, EmailSettings))
    settings = next(carried, None)
    if settings is None:
        return
    if settings.dkim is not None:
        yield from _not_signed_for(playbook, settings.dkim)
    if playbook.catalog.unread is None and playbook.project.unread is None:
        yield from _without_sender(playbook)


def _not_signed_for(playbook: Playbook, dkim: Dkim) -> Iterator[Problem]:
    for name, sender in (playbook.catalog.senders or {}).items():
        try:
            domain = address("sender", parted(sender)[1]).domain
        except HeaderRefused:
            continue  # what is no address is told elsewhere
        if not aligned(domain, dkim.domain.lower()):
            yield Problem(
                name.mark,
                CODE,
                f'the sender "{name}" is of {domain}, the DKIM key of the channel of {dkim.domain}',
                help=f"receivers ask for one domain; send from {dkim.domain} or one below it",
            )


def _without_sender(playbook: Playbook) -> Iterator[Problem]:
    for flow in flows_in_use(playbook):
        for send in sends_of(flow):
            if "email" not in channels_of(send, playbook):
                continue
            if sender_of(playbook, send.operand) is None:
                yield Problem(
                    send.operand.mark,
                    CODE,
                    f'nobody is said to send "{send.operand}"',
                    help="name a sender of the catalog: from in message.yaml, or in the project's "
                    "defaults",
                )
