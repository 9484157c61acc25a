"""Channels: what carries the messages of each, and how fast."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.channels.base import Channel
from orchestrator.channels.registry import BROUGHT, adapter_names, carrying, find_adapter
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.spec import CHANNELS, SET_ONLY
from orchestrator.errors import EnvironmentFault
from orchestrator.language.families import known_words
from orchestrator.language.names import Name
from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.language.reader import (
    Invalid,
    Reader,
    part_of,
    suggest,
    surely_meant,
    whole,
)
from orchestrator.language.sentences import read_sentence
from orchestrator.language.shapes import JsonSchema, Shape, Text, or_variable
from orchestrator.language.words import Sentence, sentence_schema, word
from orchestrator.playbook.model.anything import INCLUDE, INCLUDE_DOC, META, VARS


class ChannelsShape(Shape[dict[Name, ChannelSettings]]):
    """Channel → what carries it, with the words of that adapter."""

    says = "a mapping of channels, such as {email: {adapter: file}}"

    def read_resolved(self, node: Node, reader: Reader) -> dict[Name, ChannelSettings] | Invalid:
        if not isinstance(node, MapNode) or not node.items:
            return self.refuse(node, reader)
        read = {
            Name(key.text, "new channel", key.mark): _one(key, value, reader)
            for key, value in node.items
        }
        return whole({name: part_of(one) for name, one in read.items()}, read.values())

    def schema(self) -> JsonSchema:
        body = {
            "type": "object",
            "minProperties": 1,
            "propertyNames": known_words([*CHANNELS, *SET_ONLY]),
            "properties": {name: _schema_of(name) for name in (*CHANNELS, *SET_ONLY)},
        }
        return or_variable(body, self.says)


def _one(key: ScalarNode, value: Node, reader: Reader) -> ChannelSettings | Invalid:
    """Read what is said of one channel, by the words of the adapter that carries it."""
    resolved = reader.resolve(value)
    if not isinstance(resolved, MapNode):
        return resolved if isinstance(resolved, Invalid) else _refuse_value(key, resolved, reader)
    named = _named_adapter(resolved, reader)
    if isinstance(named, Invalid):
        return named
    adapter = _adapter(named or key, key, reader)
    if isinstance(adapter, Invalid):
        return adapter
    place = f'the channel "{key.text}"'
    return read_sentence(adapter.Settings, resolved, reader, place=place, mark=key.mark)


def _refuse_value(key: ScalarNode, value: Node, reader: Reader) -> Invalid:
    is_bare = isinstance(value, ScalarNode) and value.value is None
    says = "{adapter: …}" if is_bare else "a mapping such as {adapter: file}"
    message = f'the channel "{key.text[:60]}" needs its settings: {says}'
    help = suggest("", carrying(key.text), lead="adapters that carry it are")
    return reader.report(value.mark, "CLM105" if is_bare else "CLM106", message, help=help)


def _named_adapter(node: MapNode, reader: Reader) -> ScalarNode | Invalid | None:
    """Return what stands under ``adapter``, also if that word is mistyped; None if it is not."""
    for key, value in node.items:
        if key.text == "adapter" or surely_meant(key.text, ("adapter",)):
            named = reader.resolve(value)
            is_text = isinstance(named, ScalarNode) and isinstance(named.value, str) and named.value
            if isinstance(named, ScalarNode) and is_text:
                return named
            message = "expected the name of an adapter"
            return reader.report(value.mark, "CLM106", message, help=_installed(""))
    return None


def _adapter(named: ScalarNode, channel: ScalarNode, reader: Reader) -> type[Channel] | Invalid:
    """Return the adapter that is to carry a channel, telling why it cannot."""
    try:
        adapter = find_adapter(named.text)
    except LookupError:
        return _no_adapter(named, channel, reader)
    except EnvironmentFault as fault:
        return reader.report(named.mark, "CLM247", str(fault), help=fault.help)
    if adapter.spec is not None and adapter.spec.name != channel.text:
        message = f'the adapter "{named.text}" carries {adapter.spec.name}, not {channel.text[:60]}'
        help = suggest("", carrying(channel.text), lead=f"{channel.text[:60]} is carried by")
        return reader.report(named.mark, "CLM248", message, help=help)
    if channel.text not in (*CHANNELS, *SET_ONLY):
        return _no_channel(channel, reader)
    return adapter


def _no_adapter(named: ScalarNode, channel: ScalarNode, reader: Reader) -> Invalid:
    if named is not channel:
        message = f'there is no adapter "{named.text[:60]}"'
        return reader.report(named.mark, "CLM246", message, help=_installed(named.text))
    if channel.text not in (*CHANNELS, *SET_ONLY):
        return _no_channel(channel, reader)
    message = f'no adapter is called "{channel.text}": say which one carries it'
    help = suggest("", carrying(channel.text), lead="adapters that carry it are")
    return reader.report(channel.mark, "CLM246", message, help=help)


def _no_channel(channel: ScalarNode, reader: Reader) -> Invalid:
    help = suggest(channel.text, [*CHANNELS, *SET_ONLY], lead="channels are")
    if BROUGHT.names():
        help += "; another one comes with the adapter that carries it"
    return reader.report(
        channel.mark, "CLM210", f'unknown channel "{channel.text[:60]}"', help=help
    )


def _installed(name: str) -> str:
    return suggest(name, adapter_names(), lead="adapters are")


def _schema_of(channel: str) -> JsonSchema:
    """Return the schema of what is said of one channel: ``adapter`` decides which words."""
    able = carrying(channel)
    words = {name: sentence_schema(find_adapter(name).Settings) for name in able}
    chosen: JsonSchema = {}  # a $name: the reader knows what it stands for
    for name in reversed(able):
        said = {"properties": {"adapter": {"const": name}}}
        chosen = {"if": said, "then": words[name], "else": chosen}
    body = {
        "type": "object",
        "properties": {"adapter": or_variable({"enum": able}, "an adapter")},
        "if": {"required": ["adapter"]},
        "then": chosen,
        "else": words.get(channel, {"required": ["adapter"]}),
    }
    return or_variable(body, f"the settings of {channel}")


@dataclass(frozen=True, kw_only=True)
class ChannelsFile(Sentence):
    """`playbooks/channels.yaml`: what carries the messages of each channel."""

    channels: dict[Name, ChannelSettings] = word(
        ChannelsShape(), "Channel → the adapter that carries it, and what it must know."
    )
    vars: dict[Name, Node] | None = word(VARS, "Values used as `$name` in this file.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)
