"""Tests of flows: who the customers are, what happens to them, what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from orchestrator.language.containers import ListOf, MapOf, OneOrMany
from orchestrator.language.durations import Duration
from orchestrator.language.marks import Mark
from orchestrator.language.moments import DurationShape, Moment, MomentShape
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader, part_of, surely_meant, whole
from orchestrator.language.sentences import SentenceOf, read_sentence
from orchestrator.language.shapes import JsonSchema, Shape, Text, Truth
from orchestrator.language.words import Rules, Sentence, sentence_schema, word, words_of
from orchestrator.playbook.model.anything import META, VARS
from orchestrator.playbook.model.given import GIVEN, VALUES, Values
from orchestrator.playbook.model.offsets import AtShape, Offset, OffsetShape

RECEIPTS = (
    "accepted", "delivered", "opened", "clicked", "replied", "bounced", "complained",
    "unsubscribed",
)  # fmt: skip
"""What may become of a message, as ``clmctl import receipts`` takes it."""
HAPPENS = ("did", *RECEIPTS, "set", "subscribes", "unsubscribes", "task_done", "answers")
"""Words of which one says what happens."""
OUTCOMES = (
    "enters", "receives", "held", "suppressed", "expired", "leaves", "reaches", "added_to",
    "removed_from", "subscribed_to", "unsubscribed_from", "task", "webhook", "tells",
)  # fmt: skip
"""Words of which one says what is expected."""
NOTHING = "nothing"
_AFTER = "How long after the test's `clock`; days keep the time of day on the project's clock."
_AT = "A time of day on that day, or by itself a date and time, on the project's clock."


def _exactly_one(sentence: Sentence, words: tuple[str, ...], reader: Reader) -> None:
    found = [key for key in words if key in sentence.marks]
    if len(found) > 1:
        reader.report(
            sentence.mark_at(found[1]),
            "CLM109",
            f'one item says one thing, here are "{found[0]}" and "{found[1]}"',
            help="make two items of it",
        )


def _check_at(sentence: Happening | Expectation, reader: Reader) -> None:
    """A time of day needs a day, and an instant needs nothing."""
    anchored = any(key in sentence.marks for key in ("after", "before"))
    if isinstance(sentence.at, time) != anchored and "at" in sentence.marks:
        reader.report(sentence.mark_at("at"), "CLM108", AtShape.hint or "")


@dataclass(frozen=True, kw_only=True)
class Happening(Sentence):
    """One thing that happens to customers."""

    rules = Rules(
        needs={"with": ("did",)},
        any_of=(("after", "before", "at"), HAPPENS),
        not_together=(("after", "before"),),
    )

    after: Offset | None = word(OffsetShape(), _AFTER, default=None)
    before: Offset | None = word(
        OffsetShape(), "How long before `clock`: what is known when the test begins.", default=None
    )
    at: time | Moment | None = word(AtShape(), _AT, default=None)
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
        _exactly_one(self, HAPPENS, reader)
        _check_at(self, reader)


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


@dataclass(frozen=True, kw_only=True)
class Expectation(Sentence):
    """One thing that is expected of a customer's way through the flow."""

    rules = Rules(any_of=(("after", "at"), OUTCOMES))

    after: Offset | None = word(OffsetShape(), _AFTER, default=None)
    at: time | Moment | None = word(AtShape(), _AT, default=None)
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
        _exactly_one(self, OUTCOMES, reader)
        _check_at(self, reader)
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


class CustomersShape(Shape[Mapping[Name, Values] | str]):
    """Customers by name, each with what is known of them; or the name of a CSV file."""

    says = "customers such as {anna: {country: AT}}, or the name of a CSV file"
    _inline = MapOf(DataName("customer"), MapOf(DataName("attribute"), GIVEN, least=0))

    def read_resolved(self, node: Node, reader: Reader) -> Mapping[Name, Values] | str | Invalid:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            if node.text.endswith(".csv"):
                return node.text
            return self.refuse(node, reader, help="a table is a file whose name ends in .csv")
        return self._inline.read_resolved(node, reader)

    def schema(self) -> JsonSchema:
        return {**self._inline.schema(), "type": ["object", "string"], "pattern": r"\.csv$"}


@dataclass(frozen=True, kw_only=True)
class FlowTest(Sentence):
    """One test: some customers, what happens to them, and what the flow makes of it."""

    test: str = word(Text(), "What the test shows, as a sentence.")
    flow: Name = word(Ref("flow"), "The flow under test; it counts as live, whatever its status.")
    flows: tuple[Name, ...] | None = word(
        ListOf(Ref("flow")),
        "Other flows that run beside it; without this, none does.",
        default=None,
    )
    vars: dict[Name, Node] | None = word(VARS, "Variables, over those of all files.", default=None)
    clock: Moment = word(
        MomentShape(), "When the test begins, on the project's clock; all times count from here."
    )
    customers: Mapping[Name, Values] | str = word(
        CustomersShape(), "Who they are: a mapping of names, or a CSV file beside the test."
    )
    timeline: tuple[Happening, ...] = word(
        ListOf(HappeningShape(), least=0), "What happens to them.", default=()
    )
    run_for: Duration = word(
        DurationShape(), "How long to watch; 30 days if not said.", default=Duration(30, "day")
    )
    every: Duration | None = word(
        DurationShape(),
        "Tick this often too. Without it: whenever something happens, is due or expires.",
        default=None,
    )
    expect: dict[Name, Expected] = word(
        MapOf(Ref("customer"), ExpectedShape()), "What each customer's way must be, completely."
    )
    partial: bool = word(
        Truth(), "`true`: other things may happen too to the customers listed.", default=False
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)


@dataclass(frozen=True, kw_only=True)
class FlowTests(Sentence):
    """Several tests in one file."""

    tests: tuple[FlowTest, ...] = word(
        ListOf(SentenceOf(FlowTest, "a test")), "The tests, each with a name of its own."
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
