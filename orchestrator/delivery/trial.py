"""One message for trial: outside of flows and of the ledger, to an address that a person named."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.channels.file import message_key
from orchestrator.channels.message import Attachment, OutgoingMessage
from orchestrator.channels.outcome import Outcome, unknown
from orchestrator.channels.routes import Route
from orchestrator.channels.spec import CHANNELS
from orchestrator.delivery.hearing import heard
from orchestrator.delivery.links import links_of, marketing_topic
from orchestrator.delivery.outlet import shut
from orchestrator.forks import end_child
from orchestrator.packages import said
from orchestrator.playbook.attachments import attachments_of
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.senders import sender_of
from orchestrator.records.sends import Rendered
from orchestrator.signing import Keys

NOBODY = "test-send"
"""Stands for the customer and the flow in the keys and links of a trial: what somebody does
with its links touches nobody."""
_LASTS = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is to be sent."""

    channel: str
    to: str
    now: datetime
    """Aware UTC."""
    message: str | None = None
    """The folder under ``templates/``; None is a line that says what it is."""
    rendered: Rendered | None = None
    """That message, as a customer gets it."""


def trial_links(trial: Trial, playbook: Playbook, keys: Keys) -> dict[str, str]:
    """Return what the templates of a message for trial see as ``links``."""
    topic = marketing_topic(playbook, _topic(trial, playbook))
    return links_of(playbook, keys).in_templates(_key(trial, playbook), topic)


def trial_message(trial: Trial, playbook: Playbook, keys: Keys) -> OutgoingMessage:
    """Return the message, with keys that no other one has."""
    project, key = str(playbook.project.project), _key(trial, playbook)
    known = playbook.messages.get(trial.message) if trial.message else None
    purpose = (known.settings.purpose if known else "transactional") or "marketing"
    rendered = trial.rendered or _plain(trial, project)
    topic = _topic(trial, playbook)
    unsubscribe = links_of(playbook, keys).unsubscribe(key, marketing_topic(playbook, topic))
    return OutgoingMessage(
        key=key,
        provider_key=keys.provider_key(key),
        channel=trial.channel,
        message=trial.message or NOBODY,
        flow=NOBODY,
        step=NOBODY,
        customer=NOBODY,
        to=trial.to,
        purpose="marketing" if purpose == "marketing" else "transactional",
        text=rendered.text,
        created_at=trial.now,
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=rendered.html,
        is_json=rendered.is_json,
        locale=rendered.locale,
        topic=topic,
        sender=sender_of(playbook, trial.message or ""),
        attachments=tuple(
            Attachment(one.name, one.content_type, playbook.contents[one.sha256])
            for one in attachments_of(playbook, trial.message or "", trial.channel)
        ),
        unsubscribe=unsubscribe if purpose == "marketing" else None,
        expires_at=trial.now + _LASTS,
        project=project,
        decided_at=trial.now,
        due_at=trial.now,
    )


def _key(trial: Trial, playbook: Playbook) -> str:
    return message_key(
        str(playbook.project.project),
        NOBODY,
        NOBODY,
        entry=1,
        step=trial.message or NOBODY,
        occurrence=trial.now.isoformat(),
        channel=trial.channel,
    )


def _topic(trial: Trial, playbook: Playbook) -> str | None:
    known = playbook.messages.get(trial.message) if trial.message else None
    return str(known.settings.topic) if known and known.settings.topic else None


def _plain(trial: Trial, project: str) -> Rendered:
    spec = CHANNELS.get(trial.channel)
    has_subject = spec is not None and "html" in spec.formats
    return Rendered(
        to=trial.to,
        subject=f"A test message of {project}" if has_subject else None,
        preheader=None,
        text=f"This is a test message of {project}. Nobody has to do anything about it.",
        html=None,
        locale=None,
    )


def send_trial(route: Route, message: OutgoingMessage) -> Outcome:
    """Make one attempt and return what came of it.

    Raises:
        EnvironmentFault: a secret is missing, or the adapter cannot be made.
    """
    adapter, parent = route.open(), os.getpid()
    try:
        return heard(adapter.send(message), message, adapter)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - an adapter that raises leaves it in doubt
        return heard(unknown(f"the adapter failed: {said(error)}"), message, adapter)
    finally:
        end_child(parent, f'the adapter "{adapter.name}"')
        shut(adapter)
