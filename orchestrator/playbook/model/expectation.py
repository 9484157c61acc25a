"""What a test of a flow expects of a customer's way through it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from orchestrator.language.marks import Mark
from orchestrator.language.moments import Moment
from orchestrator.language.names import Name, Ref
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader, part_of, whole
from orchestrator.language.sentences import SentenceOf, read_sentence
from orchestrator.language.shapes import JsonSchema, Shape, Text
from orchestrator.language.words import Rules, Sentence, sentence_schema, word
from orchestrator.playbook.model.offsets import AtShape, Offset, OffsetShape
from orchestrator.playbook.model.trial_items import AFTER, AT, check_at, check_one_thing

OUTCOMES = (
    "enters", "receives", "held", "suppressed", "expired", "leaves", "reaches", "added_to",
    "removed_from", "subscribed_to", "unsubscribed_from", "task", "webhook", "tells",
)  # fmt: skip
"""Words of which one says what is expected."""
NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Expectation(Sentence):
    """One thing that is expected of a customer's way through the flow."""

    rules = Rules(any_of=(("after", "at"), OUTCOMES))

    after: Offset | None = word(OffsetShape(), AFTER, default=None)
    at: time | Moment | None = word(AtShape(), AT, default=None)
    enters: Name | None = word(
        Ref("flow"), "Enters this flow. Entries need not be listed.", default=None
    )
    receives: Name | None = word(Ref("message"), "This message is sent.", default=None)
    held: Name | None = word(Ref("message"), "This message is held back for now.", default=None)
    suppressed: Name | None = word(
        Ref("message"), "This message is not sent, and will not be.", default=None
    )
    expired: Name | None = word(Ref("message"), "This message was held too long.", default=None)
    leaves: str | None = word(
        Text(), "The run ends: `completed`, `exit` …, or the text of an `exit:` step.", default=None
    )
    reaches: str | None = word(Text(), "`goal`: the flow's goal is met.", default=None)
    added_to: Name | None = word(Ref("list"), "Comes onto this list.", default=None)
    removed_from: Name | None = word(Ref("list"), "Leaves this list.", default=None)
    subscribed_to: Name | None = word(
        Ref("topic", also=("any",)), "The flow subscribes to this topic.", default=None
    )
    unsubscribed_from: Name | None = word(
        Ref("topic", also=("any",)), "The flow withdraws from this topic.", default=None
    )
    task: str | None = word(Text(), "A person gets this task.", default=None)
    webhook: Name | None = word(Ref("webhook"), "This webhook is called.", default=None)
    tells: Name | None = word(Ref("flow"), "Another flow is started.", default=None)
    subject_contains: str | None = word(Text(), "The subject has this text in it.", default=None)
    text_contains: str | None = word(Text(), "The plain text has this in it.", default=None)
    channel: Name | None = word(Ref("channel"), "The message goes by this channel.", default=None)
    because: str | None = word(Text(), "The reason code.", default=None)
    flow: Name | None = word(Ref("flow"), "Whose doing it is, if several flows run.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)

    def check(self, reader: Reader) -> None:
        check_one_thing(self, OUTCOMES, reader)
        check_at(self, self.at, reader)
        for key in ("subject_contains", "text_contains", "channel"):
            if key in self.marks and self.receives is None:
                reader.report(self.mark_at(key), "CLM108", f'"{key}" goes with "receives"')

    @property
    def head(self) -> str:
        """The word that says what is expected."""
        return next(key for key in OUTCOMES if key in self.marks)

    @property
    def object(self) -> str:
        """What it is about: a message, a flow, a reason."""
        return str(getattr(self, self.head))


@dataclass(frozen=True, kw_only=True)
class Silence(Sentence):
    """No message at all, whatever else happens."""

    receives: str = word(Text(), "`nothing`.")
    because: str | None = word(
        Text(), "A reason for which an entry or a message was refused.", default=None
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)


@dataclass(frozen=True)
class Expected:
    """What is expected of one customer."""

    items: tuple[Expectation, ...]
    mark: Mark
    silence: Silence | None = None
    """If only messages are asked about, of which there are none."""


class ExpectedShape(Shape[Expected]):
    """``nothing``, ``{receives: nothing, because: …}``, or a list of what happens."""

    says = "nothing, or a list such as [{after: 0 min, receives: welcome_hello}]"
    _item = SentenceOf(Expectation, "an expectation")

    def read_resolved(self, node: Node, reader: Reader) -> Expected | Invalid:
        if isinstance(node, ScalarNode) and node.text == NOTHING:
            return Expected((), node.mark)
        if isinstance(node, MapNode):
            said = node.get("receives")
            if isinstance(said, ScalarNode) and said.text == NOTHING:
                read = read_sentence(Silence, node, reader, place='"receives: nothing"')
                return whole(Expected((), node.mark, part_of(read)), [read])
            node = ListNode(node.mark, (node,))
        if not isinstance(node, ListNode):
            return self.refuse(node, reader)
        items = [self._item.read(item, reader) for item in node.items]
        return whole(Expected(tuple(part_of(item) for item in items), node.mark), items)

    def schema(self) -> JsonSchema:
        item = sentence_schema(Expectation)
        return {
            "type": ["string", "object", "array"],
            "pattern": f"^{NOTHING}$",
            "patternErrorMessage": f"expected {self.says}",
            "items": item,
            "if": {"type": "object", "properties": {"receives": {"const": NOTHING}},
                   "required": ["receives"]},
            "then": sentence_schema(Silence),
            "else": {"if": {"type": "object"}, "then": item},
        }  # fmt: skip
