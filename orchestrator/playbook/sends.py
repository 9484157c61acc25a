"""Sends: a template for every channel, a subject for every mail, a topic of its purpose."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.flow.steps.send import Send
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Message, Playbook, Template
from orchestrator.playbook.vocabulary import Vocabulary
from orchestrator.playbook.walk import channels_of, purpose_of, sends_of


def send_problems(vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield sends that no template, no subject or no topic stands behind."""
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
    for channel in channels_of(send, playbook):
        if channel == "preferred" or channel in has:
            continue
        mark = getattr(channel, "mark", None) if word else None
        message_text = f'the message "{message.name}" has no template for {channel}'
        help = f"it has one for: {', '.join(sorted(has))}; say the channel, or add a template"
        yield Problem(mark or send.operand.mark, "CLM216", message_text, help)
    if send.subject is None and "email" in has.intersection(_reached(send, playbook)):
        yield from _subjects(send, message)


def _reached(send: Send, playbook: Playbook) -> tuple[str, ...]:
    named = channels_of(send, playbook)
    return (*named, "email") if "preferred" in named else named


def _subjects(send: Send, message: Message) -> Iterator[Problem]:
    for template in bodies(message):
        if template.channel == "email" and template.subject is None:
            text = f"{template.path} has no subject, and a mail needs one"
            help = "begin the template with: ---, subject: …, ---; or say subject: in the step"
            yield Problem(send.operand.mark, "CLM219", text, help)


def bodies(message: Message) -> Iterator[Template]:
    """Yield the templates that are bodies: a ``txt`` beside html or Markdown is its text part."""
    rich = {(one.channel, one.locale) for one in message.templates if one.format in ("html", "md")}
    for template in message.templates:
        if template.format != "txt" or (template.channel, template.locale) not in rich:
            yield template


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
