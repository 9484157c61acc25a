"""Random playbook documents as plain values, made from the vocabulary itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st

from orchestrator.channels.mail.settings import LoginShape
from orchestrator.channels.registry import carrying, find_adapter
from orchestrator.channels.shapes import FolderShape, RateShape, SecretShape, SpanShape, UrlShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.criteria.base import CriterionShape, conditions
from orchestrator.criteria.kinds.did import Following, FollowingShape
from orchestrator.criteria.kinds.sequence import Link
from orchestrator.criteria.measures import MEASURES
from orchestrator.criteria.modifiers import TestsShape, ValueTests
from orchestrator.flow.base import StepsShape, starts, steps
from orchestrator.flow.steps.repeat import Times
from orchestrator.flow.steps.send import PURPOSES
from orchestrator.flow.steps.set import Add, NewValue
from orchestrator.flow.steps.start_flow import OwnValue
from orchestrator.language.containers import Choice, ListOf, MapOf, OneOrMany, Pair
from orchestrator.language.families import Family, Headed
from orchestrator.language.literals import LiteralShape
from orchestrator.language.marks import Mark
from orchestrator.language.moments import DurationShape, Hours, MomentShape, TimeOfDay, Zone
from orchestrator.language.names import DataName, FilePath, NewName, Ref
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Reader
from orchestrator.language.sentences import SentenceOf, read_sentence
from orchestrator.language.shapes import (
    Number,
    OneOf,
    ScalarShape,
    Shape,
    Share,
    Text,
    Truth,
    Whole,
)
from orchestrator.language.words import Rules, Sentence, words_of
from orchestrator.playbook.model import (
    TYPES,
    AnyValue,
    Attribute,
    AttributeShape,
    ReEntryShape,
    StartsShape,
    Topic,
    TopicShape,
)
from orchestrator.playbook.model.catalog import Address
from orchestrator.playbook.model.channels import ChannelsShape

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]
NOWHERE = Mark("x.yaml", 1, 1)
DEEPEST = 3
DURATIONS = {
    "min": ["30 min", "99999 minutes"],
    "hour": ["4 hours", "1h"],
    "day": ["3 days", "3d", "36500 days"],
    "week": ["2 weeks", "1 week"],
    "month": ["6 months"],
    "year": ["1 year", "100 years"],
}
ODD_VALUES: list[Any] = [
    None, True, False, 0, 5, -1, 2.5, "", "text", "two words", [], {}, [1], ["a"], {"x": 1},
    "$name", "$Name", "$customer.x", "3 days", "0 days", "3 moons", "101 years", "400 weeks",
    "36501 days", "30 min", "10%", "110%", "100.5%", "10 %", "08:00-20:00", "08:00-08:00",
    "25:00-26:00", "21:00-24:00", "09:30", "9:30", "2026-01-31", "2026-02-30", "2028-02-29",
    "2026-01-31 24:00", "2026-01-31T08:00:00Z", "0000-01-01", "monday", "weekdays", "month",
    "none", "live", "paused", "required", "always", "after 90 days", "after", "never",
    "env:NAME", "env:", "file:a", "50 per second", "0 per second", "50/s", "file", "email", "dry_run",
    "https://a.example", "http://a.example", "../outbox", {"adapter": "file"}, {"adapter": "fil"},
    "Europe/Vienna", "Europe/Viena", "customer", "entry", "money", "marketing", "restart", "exit",
    [{"did": "purchase"}], {"did": "purchase"}, {"any": [{"did": "purchase"}]}, {"all": []},
    {"any": [{"did": "x", "id": "one"}]}, {"send": "hello"}, [{"send": "hello"}], {"at_least": 1},
]  # fmt: skip
ODD_WORDS = [
    "wenn", "did", "did_not", "send", "wait", "then", "then_not", "within", "same", "where", "on_day",
    "any", "all", "none", "id", "only_if", "at_least", "is", "is_set", "in_flow", "custom", "task",
    "if_refused", "wait_until", "told_by", "lists", "key", "recheck", "note", "meta", "since",
    "channel", "channels", "adapter", "rate", "burst", "before", "after", "type", "plus", "count_of", "otherwise", "when", "flow",
]  # fmt: skip


class Documents:
    """Draws valid documents; ``draw`` is Hypothesis's."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def one_of(self, items: Any) -> Any:
        return self.draw(st.sampled_from(list(items)))

    def chance(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) < percent)

    def sentence(self, cls: type[Sentence], depth: int, *, but: tuple[str, ...] = ()) -> Any:
        """Return a mapping of the class that asks for nothing more."""
        words = {k: w for k, w in words_of(cls).items() if w.available and k not in but}
        share = 25 if depth < DEEPEST else 0
        written: dict[str, Any] = {}
        for key, word in words.items():
            if word.required or self.chance(share):
                self.add(written, cls.rules, key, word.shape, depth)
        for group in cls.rules.any_of:
            if not any(key in written for key in group):
                key = self.one_of([key for key in group if key in words])
                self.add(written, cls.rules, key, words[key].shape, depth)
        for key, needed in cls.rules.needs.items():
            for other in needed if key in written else ():
                written.setdefault(other, self.value(words[other].shape, depth))
                for pair in cls.rules.not_together:
                    if other in pair:
                        written.pop(pair[pair[0] == other], None)
        self.settle(cls, written)
        return written

    def add(
        self, written: dict[str, Any], rules: Rules, key: str, shape: Shape[Any], depth: int
    ) -> None:
        excluded = {b if key == a else a for a, b in rules.not_together if key in (a, b)}
        if not excluded & written.keys():
            written[key] = self.value(shape, depth)

    def settle(self, cls: type[Sentence], written: dict[str, Any]) -> None:
        """Repair what ``check`` asks beyond the rules."""
        if cls is Link:
            written.pop("where" if "did" not in written else "within", None)
        if cls.__name__ == "Webhook" and written.get("if_it_fails") == "exit":
            written.setdefault("at_most", "1 hour")
        if cls.__name__ == "Goal":
            facts = [key for key in ("did", "clicked", "opened", "replied") if key in written]
            for extra in facts[1:]:
                del written[extra]
            if "did" not in written:
                written.pop("where", None)
        if cls.__name__ == "EmailSettings" and written.get("tls") == "none":
            written["host"] = "127.0.0.1"
        if "key" in written and "starts_when" in written and not _by_events(written["starts_when"]):
            del written["key"]
        if not {"then", "then_not"} & written.keys() and cls.__name__ == "Did":
            for key in ("within", "same"):
                written.pop(key, None)

    def headed(self, family: Family[Any], depth: int) -> Any:
        """Return one mapping of a family."""
        kinds: dict[str, type[Headed]] = dict(family.kinds)
        if depth >= DEEPEST:
            kinds = {h: k for h, k in kinds.items() if not _nests(k)}
        head = self.one_of(sorted(kinds))
        kind = kinds[head]
        modifiers = self.sentence(kind, depth)
        operand = self.value(kind.operand_shape, depth + 1)
        if head == "sequence":
            operand = [{"did": "a"}, *({"then": "b", "within": "3 days"} for _ in operand[1:])]
        if head == "every":
            modifiers.pop("on_day", None)
            if operand == "month":
                modifiers["on_day"] = 31
        pairs = [(head, operand), *modifiers.items()]
        return dict(self.draw(st.permutations(pairs)))

    def criterion(self, depth: int) -> Any:
        if depth < DEEPEST and self.chance(35):
            members = [self.criterion(depth + 1) for _ in range(self.one_of((1, 2)))]
            how = self.one_of(("all", "any", "none", ""))
            return {how: members} if how else members
        return self.headed(conditions(), depth)

    def channels(self, depth: int) -> Any:
        """Return channels, each carried by one of the adapters that can."""
        written = {}
        for channel in {self.one_of(CHANNELS), self.one_of(CHANNELS)}:
            adapter = self.one_of(carrying(channel))
            settings = self.sentence(find_adapter(adapter).Settings, depth, but=("adapter",))
            is_named = adapter != channel or self.chance(50)
            written[channel] = {**({"adapter": adapter} if is_named else {}), **settings}
        return written

    def value(self, shape: Shape[Any], depth: int) -> Any:
        """Return a value the shape reads."""
        match shape:
            case CriterionShape():
                return self.criterion(depth + 1)
            case StepsShape():
                count = self.one_of((1, 2))
                return [self.headed(steps(), depth + 1) for _ in range(count)]
            case StartsShape():
                if self.chance(70):
                    return self.headed(starts(), depth)
                return {"any": [{**self.headed(starts(), depth), "id": "one"}]}
            case SentenceOf():
                return self.sentence(shape.cls, depth + 1)
            case TestsShape():
                if self.chance(50):
                    return self.value(LiteralShape(), depth)
                return self.sentence(ValueTests, depth) or {"is": 1}
            case FollowingShape():
                return "b" if self.chance(50) else self.sentence(Following, depth + 1)
            case NewValue():
                return 5 if self.chance(50) else self.sentence(Add, depth)
            case TopicShape():
                return self.one_of(PURPOSES) if self.chance(50) else self.sentence(Topic, depth)
            case AttributeShape():
                if self.chance(30):
                    return self.one_of(TYPES)
                if self.chance(50):
                    return self.sentence(Attribute, depth)
                return self.headed(MEASURES, depth)
            case ChannelsShape():
                return self.channels(depth)
            case ListOf():
                count = shape.least + self.one_of((0, 1))
                return [self.value(shape.item, depth) for _ in range(count)]
            case OneOrMany():
                return self.value(shape.item if self.chance(50) else shape.many, depth)
            case Pair():
                return [self.value(shape.item, depth), self.value(shape.item, depth)]
            case MapOf():
                keys = ["amount", "status", "paid_at"][: shape.least + self.one_of((0, 1))]
                return {key: self.value(shape.value, depth) for key in keys}
            case Choice():
                if self.chance(30):
                    return self.one_of(shape.words.words)
                return self.value(shape.other, depth)
            case _:
                return self.one_of(_samples(shape))


def _by_events(starts: Any) -> bool:
    """Return whether only events start a flow."""
    several = starts.get("any", [starts])
    return all("did" in start for start in several)


def _samples(shape: Shape[Any]) -> list[Any]:
    match shape:
        case OneOf():
            return list(shape.words)
        case Number():
            return [0, 3, -2.5, 100]
        case Truth():
            return [True, False]
        case Whole():
            return [shape.low, shape.high, shape.low + 1]
        case Times():
            return ["1 time", "2 times", "1000 times"]
        case Share():
            return ["0%", "10%", "12.5%", "100%", "99.99%"]
        case DurationShape():
            return [text for unit in shape.units for text in DURATIONS[unit]]
        case Hours():
            return ["08:00-20:00", "21:00-08:00", "00:00-24:00"]
        case TimeOfDay():
            return ["00:00", "09:30", "23:59"]
        case Zone():
            return [
                "Europe/Vienna",
                "UTC",
                "Asia/Jakarta",
                *(["customer"] if shape.customer else []),
            ]
        case MomentShape():
            return ["2026-01-31", "2028-02-29", "2026-01-31 08:00", "2026-01-31T08:00:00.5+02:00"]
        case OwnValue():
            return ["$customer.x", "$entry.amount"]
        case RateShape():
            return ["50 per second", "1 per day", "9999999 per minute"]
        case SecretShape():
            return ["env:SMTP_PASSWORD", "file:secrets/dkim key.pem", "file:/run/secrets/x"]
        case LoginShape():
            return ["shop", "env:SMTP_USERNAME", "file:secrets/login"]
        case SpanShape():
            return ["1 second", "30 seconds", "86400 seconds", "5 min", "1440 min", "24 hours"]
        case UrlShape():
            return ["https://provider.example/v1", "http://127.0.0.1:8025", "http://[::1]/x"]
        case FolderShape():
            return ["outbox", "var/out-box.d"]
        case Address():
            return ["https://shop.example/points", "http://shop.example"]
        case LiteralShape():
            return ["", "paid", 5, 2.5, True, "2026-01-31", "$customer.x", "$entry.amount"]
        case ReEntryShape():
            return ["never", "always", "after 90 days", "after 1 year"]
        case AnyValue():
            return [None, 1, "x", [1, {"a": None}], {"deep": {"er": [True]}}]
        case Text() | NewName() | DataName() | FilePath() | Ref():
            return ["purchase", "first_purchase", "a-b"]
        case ScalarShape(sample=sample) if sample:
            return [sample.strip("'")]
        case _:
            raise TypeError(f"no samples of {type(shape).__name__}")


def _nests(kind: type[Headed]) -> bool:
    shapes = [
        kind.operand_shape,
        *(word.shape for word in words_of(kind).values() if word.required),
    ]
    return any(
        "steps" in str(shape.schema()) or "criterion" in str(shape.schema()) for shape in shapes
    )


@st.composite
def valid(draw: Draw, cls: type[Sentence]) -> Any:
    """Draw a document that its reader accepts, but for sums and names."""
    return Documents(draw).sentence(cls, 0)


@st.composite
def mutated(draw: Draw, cls: type[Sentence]) -> Any:
    """Draw a document with one to three things changed."""
    document = copy.deepcopy(draw(valid(cls)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_containers(document))
        if places:
            _change(draw, draw(st.sampled_from(places)))
    return document


def _containers(value: Any) -> Any:
    if isinstance(value, dict | list):
        if value:
            yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _containers(item)


def _change(draw: Draw, place: Any) -> None:
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    key = draw(st.sampled_from(keys))
    odd = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    how = draw(st.sampled_from(("replace", "remove", "add", "rename")))
    if how == "replace":
        place[key] = odd
    elif how == "remove":
        del place[key]
    elif isinstance(place, list):
        place.append(odd)
    elif how == "add":
        place.setdefault(draw(st.sampled_from(ODD_WORDS)), odd)
    else:
        value = place.pop(key)
        place.setdefault(draw(st.sampled_from([f"{key}x", *ODD_WORDS])), value)


def as_node(value: Any) -> Node:
    """Return the node that the loader makes of a plain value."""
    if isinstance(value, dict):
        pairs = ((ScalarNode(NOWHERE, key, key), as_node(item)) for key, item in value.items())
        return MapNode(NOWHERE, tuple(pairs))
    if isinstance(value, list):
        return ListNode(NOWHERE, tuple(as_node(item) for item in value))
    if value is None or isinstance(value, bool):
        return ScalarNode(NOWHERE, {None: "", True: "true", False: "false"}[value], value)
    meaning = Decimal(str(value)) if isinstance(value, float) else value
    return ScalarNode(NOWHERE, str(value), meaning)


def read_codes(cls: type[Sentence], document: Any) -> set[str]:
    """Return the codes of all problems the reader finds in a document."""
    reader = Reader()
    node = as_node(document)
    assert isinstance(node, MapNode)
    read_sentence(cls, node, reader, place="a file")
    return {problem.code for problem in reader.problems if problem.severity == "error"}
