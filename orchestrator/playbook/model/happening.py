"""What happens to customers in a test of a flow, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from orchestrator.language.containers import MapOf, OneOrMany
from orchestrator.language.moments import Moment
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader, surely_meant
from orchestrator.language.sentences import read_sentence
from orchestrator.language.shapes import JsonSchema, Shape, Text
from orchestrator.language.words import Rules, Sentence, sentence_schema, word, words_of
from orchestrator.playbook.model.given import GIVEN, VALUES, Values
from orchestrator.playbook.model.offsets import AtShape, Offset, OffsetShape
from orchestrator.playbook.model.trial_items import AFTER, AT, check_at, check_one_thing

RECEIPTS = (
    "accepted", "delivered", "opened", "clicked", "replied", "bounced", "complained",
    "unsubscribed",
)  # fmt: skip
"""What may become of a message, as ``clmctl import receipts`` takes it."""
HAPPENS = ("did", *RECEIPTS, "set", "subscribes", "unsubscribes", "task_done", "answers")
"""Words of which one says what happens."""


@dataclass(frozen=True, kw_only=True)
class Happening(Sentence):
    """One thing that happens to customers."""

    rules = Rules(
        needs={"with": ("did",)},
        any_of=(("after", "before", "at"), HAPPENS),
        not_together=(("after", "before"),),
    )

    after: Offset | None = word(OffsetShape(), AFTER, default=None)
    before: Offset | None = word(
        OffsetShape(), "How long before `clock`: what is known when the test begins.", default=None
    )
    at: time | Moment | None = word(AtShape(), AT, default=None)
    customer: tuple[Name, ...] = word(OneOrMany(Ref("customer")), "To whom.")
    did: Name | None = word(
        Ref("event"), "An event; its properties stand beside it, or under `with`.", default=None
    )
    with_: Values | None = word(
        VALUES, "Properties of the event, also such as are called like a word here.", default=None
    )
    accepted: Name | None = word(Ref("message"), "The provider took this message.", default=None)
    delivered: Name | None = word(Ref("message"), "This message arrived.", default=None)
    opened: Name | None = word(Ref("message"), "This message was opened.", default=None)
    clicked: Name | None = word(Ref("message"), "A link in this message was clicked.", default=None)
    replied: Name | None = word(Ref("message"), "This message was answered.", default=None)
    bounced: Name | None = word(Ref("message"), "This message came back.", default=None)
    complained: Name | None = word(Ref("message"), "This message was called spam.", default=None)
    unsubscribed: Name | None = word(
        Ref("message"), "The unsubscribe link in this message was used.", default=None
    )
    channel: Name | None = word(Ref("channel"), "By which the message had come.", default=None)
    set: Values | None = word(
        MapOf(DataName("attribute"), GIVEN),
        "Attributes that change, as by an import.",
        default=None,
    )
    subscribes: tuple[Name, ...] | None = word(
        OneOrMany(Ref("topic")), "Topics the customer subscribes to.", default=None
    )
    unsubscribes: tuple[Name, ...] | None = word(
        OneOrMany(Ref("topic")), "Topics the customer withdraws from.", default=None
    )
    task_done: Name | None = word(Ref("step"), "The task of this step is done.", default=None)
    answers: Name | None = word(
        Ref("webhook"), "This webhook answers; its fields stand under `fields`.", default=None
    )
    fields: Values | None = word(VALUES, "What the webhook answers.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    properties: Mapping[Name, object] = field(default_factory=dict)
    """Those of the event that stand beside it."""

    def check(self, reader: Reader) -> None:
        check_one_thing(self, HAPPENS, reader)
        check_at(self, self.at, reader)


def _is_word(key: str, node: MapNode) -> bool:
    """Return whether a key is a word, or one that is missing here, mistyped."""
    meant = surely_meant(key, ("after", "before", "customer", "with"))
    return key in words_of(Happening) or (meant is not None and node.get(meant) is None)


class HappeningShape(Shape[Happening]):
    """A happening; beside ``did``, words that are none are properties of the event."""

    says = "something that happens, such as {after: 1 day, customer: anna, did: purchase}"

    def read_resolved(self, node: Node, reader: Reader) -> Happening | Invalid:
        if not isinstance(node, MapNode):
            return self.refuse(node, reader)
        words = node.items
        others: tuple[tuple[ScalarNode, Node], ...] = ()
        if node.get("did") is not None:
            is_word = {key.text: _is_word(key.text, node) for key, _ in node.items}
            words = tuple(item for item in node.items if is_word[item[0].text])
            others = tuple(item for item in node.items if not is_word[item[0].text])
        beside = MapNode(node.mark, others)
        properties = VALUES.read_resolved(beside, reader)
        return read_sentence(
            Happening,
            MapNode(node.mark, words),
            reader,
            place="something that happens",
            given={"properties": properties},
        )

    def schema(self) -> JsonSchema:
        return {**sentence_schema(Happening), "additionalProperties": GIVEN.schema()}
