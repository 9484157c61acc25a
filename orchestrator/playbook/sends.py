"""Sends: a template for every channel, a topic of the send's purpose."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.channels.spec import CHANNELS
from orchestrator.flow.steps.send import Send
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Message, Playbook
from orchestrator.playbook.vocabulary import Vocabulary
from orchestrator.playbook.walk import channels_of, purpose_of, sends_of


def send_problems(vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield sends that no template or no topic stands behind."""
    playbook = vocabulary.playbook
    for flow in playbook.flows.values():
        for send in sends_of(flow):
            message = playbook.messages.get(send.operand)
            if message is None:
                continue
            whole = f"message {send.operand}" not in vocabulary.declared.open
            if whole and message.templates:
                yield from _templates(send, message, playbook)
            yield from _topic(send, message, vocabulary)


def _templates(send: Send, message: Message, playbook: Playbook) -> Iterator[Problem]:
    has = message.channels()
    word = "channels" if send.channels else "channel" if send.channel else None
    unsaid = playbook.project.unread is not None and not playbook.project.defaults
    if word is None and unsaid:
        return  # the project may say a channel where it could not be read
    for channel in channels_of(send, playbook):
        if channel not in CHANNELS or channel in has:
            continue
        mark = getattr(channel, "mark", None) if word else None
        message_text = f'the message "{message.name}" has no template for {channel}'
        help = f"it has one for: {', '.join(sorted(has))}; say the channel, or add a template"
        yield Problem(mark or send.operand.mark, "CLM216", message_text, help)


def _topic(send: Send, message: Message, vocabulary: Vocabulary) -> Iterator[Problem]:
    name = send.topic or message.settings.topic
    topic = (vocabulary.playbook.catalog.topics or {}).get(name) if name else None
    if topic is None or name is None:
        return
    purpose = purpose_of(send, vocabulary.playbook)
    if purpose == "marketing" and topic.purpose == "transactional":
        mark = send.topic.mark if send.topic else send.operand.mark
        text = f'the topic "{name}" is transactional, this send is marketing'
        help = "say purpose: transactional if customers must get it, or take a marketing topic"
        yield Problem(mark, "CLM313", text, help)
