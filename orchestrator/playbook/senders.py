"""Whom a message comes from: what its file says, else the project, else the one sender there is."""

from __future__ import annotations

from orchestrator.channels.mail.addresses import parted
from orchestrator.channels.message import Sender
from orchestrator.playbook.model import Playbook


def sender_of(playbook: Playbook, message: str) -> Sender | None:
    """Return the sender of a message, with where answers go; None if nothing names one.

    That is ``from`` of ``message.yaml``, else ``defaults: {from: …}`` of the project, else the
    catalog's sender if it has only one. A message or name that is not there any more is as one
    that says nothing.
    """
    known = playbook.messages.get(message)
    defaults = playbook.project.defaults
    senders = {str(name): text for name, text in (playbook.catalog.senders or {}).items()}
    named = [known.settings.from_ if known else None, defaults.from_ if defaults else None]
    chosen = next((str(name) for name in named if name and str(name) in senders), None)
    if chosen is None:
        if len(senders) != 1:
            return None
        chosen = next(iter(senders))
    name, address = parted(senders[chosen])
    return Sender(name, address, known.settings.reply_to if known else None)
