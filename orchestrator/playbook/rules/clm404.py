"""A marketing message that no consent covers."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.channels.spec import CHANNELS
from orchestrator.flow.steps.send import Send
from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook, Topic
from orchestrator.playbook.walk import channels_of, flows_in_use, purpose_of, sends_of

CODE = "CLM404"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield sends that are refused for everybody, because no topic covers their channels."""
    for flow in flows_in_use(playbook):
        for send in sends_of(flow):
            if purpose_of(send, playbook) == "marketing":
                yield from _uncovered(send, playbook)


def _uncovered(send: Send, playbook: Playbook) -> Iterator[Problem]:
    channels = channels_of(send, playbook)
    topics = _topics_of(send, playbook)
    if "preferred" in channels or topics is None:
        return
    if not any(_covers(topic, channel) for topic in topics.values() for channel in channels):
        listed = " or ".join(channels)
        named = f'topic "{next(iter(topics))}"' if len(topics) == 1 else "no marketing topic"
        verb = "does not cover" if len(topics) == 1 else "covers"
        yield Problem(
            send.mark,
            CODE,
            f'"{send.operand}" is marketing and {named} {verb} {listed}: nobody gets it',
            help=f"give a topic of the catalog channels: [{', '.join(channels)}]"
            " (without channels a topic covers email, push and onsite)",
            severity="warning",
        )


def _topics_of(send: Send, playbook: Playbook) -> dict[str, Topic] | None:
    """Return the topics of which one must cover the send; None if a name is unknown."""
    known = playbook.catalog.topics or {}
    message = playbook.messages.get(send.operand)
    name = send.topic or (message.settings.topic if message else None)
    if name is None:
        return {key: topic for key, topic in known.items() if topic.purpose == "marketing"}
    return {name: known[name]} if name in known else None


def _covers(topic: Topic, channel: str) -> bool:
    if topic.channels is not None:
        return channel in topic.channels
    return channel in CHANNELS and CHANNELS[channel].covered
