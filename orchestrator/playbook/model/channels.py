"""Channels: what carries the messages of each, and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.channels.base import Channel
from orchestrator.channels.registry import BROUGHT, adapter_names, carrying, find_adapter, meant_by
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.spec import CHANNELS, SET_ONLY
from orchestrator.errors import EnvironmentFault
from orchestrator.language.families import known_words
from orchestrator.language.names import Name
from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.language.reader import (
    INVALID,
    Invalid,
    Reader,
    part_of,
    suggest,
    surely_meant,
    whole,
)
from orchestrator.language.sentences import read_sentence, read_words
from orchestrator.language.shapes import JsonSchema, Shape, Text, or_variable
from orchestrator.language.words import Sentence, sentence_schema, word, words_of
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
    named = _named_adapter(resolved, key, reader)
    adapter = named if isinstance(named, Invalid) else _adapter(named or key, key, reader)
    place = f'the channel "{key.text}"'
    if not isinstance(adapter, Invalid):
        return read_sentence(adapter.Settings, resolved, reader, place=place, mark=key.mark)
    if adapter.part is not None:
        read_sentence(adapter.part.Settings, resolved, reader, place=place)
    else:
        _read_common_words(resolved, reader, place)
    return INVALID


def _read_common_words(node: MapNode, reader: Reader, place: str) -> None:
    """Report what is wrong with the words of every channel: no adapter says which others are."""
    common = words_of(ChannelSettings)
    items = [(key, said) for key, said in node.items if key.text in common]
    said = [(key, value) for key, value in items if key.text != "adapter"]
    read_words(common, replace(node, items=tuple(said)), reader, place=place)


def _refuse_value(key: ScalarNode, value: Node, reader: Reader) -> Invalid:
    is_bare = isinstance(value, ScalarNode) and value.value is None
    says = "{adapter: …}" if is_bare else "a mapping such as {adapter: file}"
    message = f'the channel "{key.text[:60]}" needs its settings: {says}'
    help = suggest("", carrying(key.text), lead="adapters that carry it are")
    return reader.report(value.mark, "CLM105" if is_bare else "CLM106", message, help=help)


def _named_adapter(
    node: MapNode, channel: ScalarNode, reader: Reader
) -> ScalarNode | Invalid | None:
    """Return what stands under ``adapter``, also if that word is mistyped; None if it is not."""
    value = node.get("adapter")
    if value is None:
        own = _part(channel.text).part
        known = words_of(own.Settings) if own is not None else {}
        meant = (said for key, said in node.items if key.text not in known and _is_adapter(key))
        value = next(meant, None)
    if value is None:
        return None
    named = reader.resolve(value)
    if isinstance(named, ScalarNode) and isinstance(named.value, str) and named.value:
        return named
    message = "expected the name of an adapter"
    return reader.report(value.mark, "CLM106", message, help=_installed(""))


def _is_adapter(key: ScalarNode) -> bool:
    """Return whether a word is ``adapter`` mistyped, or what others call it."""
    called = words_of(ChannelSettings)["adapter"].called
    return key.text.casefold() in called or surely_meant(key.text, ("adapter",)) is not None


def _adapter(named: ScalarNode, channel: ScalarNode, reader: Reader) -> type[Channel] | Invalid:
    """Return the adapter that is to carry a channel, telling why it cannot.

    The part of what is invalid is the adapter that was surely meant, None if nobody knows.
    """
    try:
        adapter = find_adapter(named.text)
    except LookupError:
        return _no_adapter(named, channel, reader)
    except EnvironmentFault as fault:
        return reader.report(named.mark, "CLM247", str(fault), help=fault.help)
    if adapter.spec is not None and adapter.spec.name != channel.text:
        return _other_channel(adapter, named, channel, reader)
    if channel.text not in (*CHANNELS, *SET_ONLY):
        return _no_channel(channel, reader, Invalid(adapter))
    return adapter


def _other_channel(
    adapter: type[Channel], named: ScalarNode, channel: ScalarNode, reader: Reader
) -> Invalid:
    """Report an adapter of another channel, or a channel that is a slip away from its own."""
    carried = adapter.spec.name if adapter.spec else ""
    if _meant_channel(channel) == carried:
        return _no_channel(channel, reader, Invalid(adapter))
    message = f'the adapter "{named.text}" carries {carried}, not {channel.text[:60]}'
    help = suggest("", carrying(channel.text), lead=f"{channel.text[:60]} is carried by")
    return reader.report(named.mark, "CLM248", message, help=help)


def _no_adapter(named: ScalarNode, channel: ScalarNode, reader: Reader) -> Invalid:
    meant_channel = _meant_channel(channel)
    if named is not channel:
        called = meant_by(named.text)
        able = carrying(meant_channel or channel.text)
        meant = called if called in able else surely_meant(named.text, adapter_names())
        message = f'there is no adapter "{named.text[:60]}"'
        help = _installed(named.text, [meant] if meant else [])
        reader.report(named.mark, "CLM246", message, help=help)
        return _part(meant)
    if meant_channel != channel.text:
        return _no_channel(channel, reader, _part(meant_channel))
    message = f'no adapter is called "{channel.text}": say which one carries it'
    help = suggest("", carrying(channel.text), lead="adapters that carry it are")
    return reader.report(channel.mark, "CLM246", message, help=help)


def _no_channel(channel: ScalarNode, reader: Reader, adapter: Invalid) -> Invalid:
    meant = _meant_channel(channel)
    known = [*CHANNELS, *SET_ONLY]
    help = suggest(channel.text, known, lead="channels are", meant=[meant] if meant else [])
    if BROUGHT.names():
        help += "; another one comes with the adapter that carries it"
    reader.report(channel.mark, "CLM210", f'unknown channel "{channel.text[:60]}"', help=help)
    return adapter


def _meant_channel(channel: ScalarNode) -> str | None:
    """Return the channel of that name, or the one that was surely meant."""
    known = [*CHANNELS, *SET_ONLY]
    called = meant_by(channel.text)
    if channel.text not in known and called in known:
        return called
    return surely_meant(channel.text, known)


def _part(adapter: str | None) -> Invalid:
    """Return that an adapter is invalid, and the one that was meant if it can be found."""
    try:
        return Invalid(find_adapter(adapter) if adapter else None)
    except (LookupError, EnvironmentFault):
        return INVALID


def _installed(name: str, meant: Sequence[str] = ()) -> str:
    return suggest(name, adapter_names(), lead="adapters are", meant=meant)


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
