"""The catalog: what the shop's data is called, and which types it has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.criteria.measures import MEASURES, Measure
from orchestrator.flow.steps.send import PURPOSES
from orchestrator.language.containers import ListOf, MapOf
from orchestrator.language.names import DataName, Name, NewName, Ref
from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import (
    JsonSchema,
    OneOf,
    ScalarShape,
    Shape,
    Text,
    Truth,
    suggesting,
)
from orchestrator.language.words import Sentence, word
from orchestrator.playbook.model.anything import INCLUDE, INCLUDE_DOC, META

TYPES = ("text", "number", "money", "boolean", "date", "datetime", "list")


@dataclass(frozen=True, kw_only=True)
class Attribute(Sentence):
    """A stored attribute of customers."""

    type: str = word(OneOf(*TYPES), "Its type.")
    one_of: tuple[str, ...] | None = word(ListOf(Text()), "The values it may have.", default=None)
    personal: bool | None = word(Truth(), "Masked in output unless `--reveal`.", default=None)


class AttributeShape(Shape[Attribute | Measure]):
    """A type name, ``{type, one_of, personal}`` or a computed head with its modifiers."""

    says = "a type, {type: …}, or a computation such as {count_of: purchase}"
    _type = OneOf(*TYPES)
    _stored = SentenceOf(Attribute, "an attribute")

    def read_resolved(self, node: Node, reader: Reader) -> Attribute | Measure | Invalid:
        if isinstance(node, MapNode):
            if any(node.get(head) is not None for head in MEASURES.kinds):
                return MEASURES.read(node, reader)
            return self._stored.read_resolved(node, reader)
        kind = self._type.read(node, reader)
        if isinstance(kind, Invalid):
            return kind
        return Attribute(mark=node.mark, marks={"type": node.mark}, type=kind)

    def schema(self) -> JsonSchema:
        body = {
            "if": {"type": "object"},
            "then": {"$ref": "#/definitions/attribute"},
            "else": self._type.schema(),
        }
        return suggesting(TYPES, body)


@dataclass(frozen=True, kw_only=True)
class Topic(Sentence):
    """Something customers subscribe to."""

    purpose: str = word(OneOf(*PURPOSES), "`marketing` or `transactional`.")
    channels: tuple[Name, ...] | None = word(
        ListOf(Ref("channel")),
        "Channels it covers; without it email, push and onsite.",
        default=None,
    )


class TopicShape(Shape[Topic]):
    """A purpose, or ``{purpose, channels}``."""

    says = "a purpose (marketing, transactional) or {purpose: …, channels: […]}"
    _purpose = OneOf(*PURPOSES)
    _topic = SentenceOf(Topic, "a topic")

    def read_resolved(self, node: Node, reader: Reader) -> Topic | Invalid:
        if isinstance(node, MapNode):
            return self._topic.read_resolved(node, reader)
        purpose = self._purpose.read(node, reader)
        if isinstance(purpose, Invalid):
            return purpose
        return Topic(mark=node.mark, marks={"purpose": node.mark}, purpose=purpose)

    def schema(self) -> JsonSchema:
        body = {
            "if": {"type": "object"},
            "then": self._topic.schema(),
            "else": self._purpose.schema(),
        }
        return suggesting(PURPOSES, body)


class Address(ScalarShape[str]):
    """An http or https address."""

    says = "an address that begins with https:// or http://"
    _pattern = r"https?://[^\s/]\S*"

    def parse(self, node: ScalarNode) -> str | None:
        if isinstance(node.value, str) and re.fullmatch(self._pattern, node.value):
            return node.value
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{self._pattern}$"}


@dataclass(frozen=True, kw_only=True)
class Webhook(Sentence):
    """An address that flows call."""

    url: str = word(Address(), "Where to.")
    gives: dict[Name, str] | None = word(
        MapOf(DataName("property"), OneOf(*TYPES)),
        "Field of the answer → its type.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class Catalog(Sentence):
    """What the shop's data is called: events, attributes, topics, senders, lists, webhooks."""

    events: dict[Name, dict[Name, str]] | None = word(
        MapOf(
            DataName("event"),
            MapOf(DataName("property"), OneOf(*TYPES), least=0),
            least=0,
        ),
        "Event → its properties and their types.",
        default=None,
    )
    attributes: dict[Name, Attribute | Measure] | None = word(
        MapOf(DataName("attribute"), AttributeShape(), least=0),
        "Attribute → its type, or how it is computed.",
        default=None,
    )
    topics: dict[Name, Topic] | None = word(
        MapOf(NewName("topic"), TopicShape(), least=0),
        "Topic → its purpose, and the channels it covers.",
        default=None,
    )
    senders: dict[Name, str] | None = word(
        MapOf(NewName("sender"), Text(), least=0),
        "Sender → `Name <address>`.",
        default=None,
    )
    lists: tuple[Name, ...] | None = word(
        ListOf(NewName("list"), least=0), "Lists that flows put people on.", default=None
    )
    webhooks: dict[Name, Webhook] | None = word(
        MapOf(NewName("webhook"), SentenceOf(Webhook, "a webhook"), least=0),
        "Webhook → the address that flows call, and what it answers.",
        default=None,
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)

    def topic_purposes(self) -> dict[str, str]:
        """Return topic → its purpose."""
        return {str(name): topic.purpose for name, topic in (self.topics or {}).items()}
