"""What a project's files say, as typed objects. Every class here is a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.criteria.measures import MEASURES, Measure
from orchestrator.criteria.modifiers import WHERE, WHERE_DOC, Where
from orchestrator.flow.base import ON_DAYS, ON_DAYS_DOC, STEP_LIST, Start, Step, starts
from orchestrator.flow.steps.send import PURPOSES
from orchestrator.language.durations import DailyHours, Duration, parse_duration
from orchestrator.language.marks import Mark
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import INVALID, Invalid, Reader
from orchestrator.language.shapes import (
    Choice,
    DataName,
    DurationShape,
    Hours,
    JsonSchema,
    ListOf,
    MapOf,
    Moment,
    MomentShape,
    Name,
    NewName,
    OneOf,
    OneOrMany,
    Ref,
    Shape,
    Share,
    Text,
    Truth,
    Whole,
    Zone,
    or_variable,
    suggesting,
)
from orchestrator.language.words import Rules, Sentence, SentenceOf, later, word

TYPES = ("text", "number", "money", "boolean", "date", "datetime", "list")


# --- guardrails -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FrequencyRule(Sentence):
    """At most so many marketing messages to one customer in a window."""

    at_most: int = word(Whole(1, 1000), "So many messages.")
    per: Duration = word(DurationShape(), "In any window of this length.")
    purpose: str | None = word(OneOf("marketing"), "Count only this purpose.", default=None)
    channel: Name | None = word(Ref("channel"), "Count only this channel.", default=None)
    tag: str | None = word(Text(), "Count only flows with this tag.", default=None)


@dataclass(frozen=True, kw_only=True)
class QuietHours(Sentence):
    """Hours in which marketing waits."""

    between: DailyHours = word(Hours(), "The hours: `21:00-08:00`.")
    timezone: str | None = word(
        Zone(customer=True), "Whose clock (default `customer`).", default=None
    )
    on_days: tuple[str, ...] | None = word(ON_DAYS, ON_DAYS_DOC, default=None)
    dates: tuple[Moment, ...] | None = word(
        ListOf(MomentShape()), "Local dates that are quiet all day.", default=None
    )


@dataclass(frozen=True, kw_only=True)
class Holdout(Sentence):
    """A share of customers who get no marketing, to measure the rest against."""

    share: Decimal = word(Share(), "How many of the customers: `5%`.")
    seed: str | None = word(Text(), "Another seed than `holdout:<flow or project>`.", default=None)


@dataclass(frozen=True, kw_only=True)
class VolumeLimit(Sentence):
    """The volume breaker: past this, all sends of the flow are held."""

    customers: int = word(Whole(1), "So many different customers.")
    per: Duration = word(DurationShape(), "In any window of this length.")


@dataclass(frozen=True, kw_only=True)
class Guardrails(Sentence):
    """Limits on what is sent. A flow's own frequency and volume rules apply in addition."""

    consent: str | None = word(OneOf("required"), "Always so; say it if you like.", default=None)
    frequency: tuple[FrequencyRule, ...] | None = word(
        ListOf(SentenceOf(FrequencyRule, "a frequency rule"), least=0),
        "Caps on marketing messages per customer.",
        default=None,
    )
    quiet_hours: QuietHours | str | None = word(
        Choice(("none",), SentenceOf(QuietHours, "quiet hours")),
        "When marketing waits; `none` turns it off (default 21:00-08:00, customer's zone).",
        default=None,
    )
    holdout: Holdout | None = word(
        SentenceOf(Holdout, "a holdout"), "A control group.", default=None
    )
    stop_if_more_than: VolumeLimit | None = word(
        SentenceOf(VolumeLimit, "a volume limit"), "The volume breaker.", default=None
    )
    priority: int | None = word(
        Whole(0, 100),
        "Which of a customer's sends goes first (default 50).",
        default=None,
    )
    ignore: tuple[str, ...] | None = word(
        OneOrMany(OneOf("frequency", "quiet_hours", "holdout")),
        "Guardrails of the project that this flow does without.",
        default=None,
    )


# --- project --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Defaults(Sentence):
    """What a send step means when it does not say."""

    channel: Name | None = word(
        Ref("channel"), "The channel of sends (default email).", default=None
    )
    from_: Name | None = word(Ref("sender"), "The sender.", default=None)
    send_between: DailyHours | None = word(Hours(), "Hours in which messages go out.", default=None)
    expires_after: Duration | None = word(
        DurationShape(), "How long a held send is kept (default 3 days).", default=None
    )


@dataclass(frozen=True, kw_only=True)
class Links(Sentence):
    """Where the links in messages lead."""

    base_url: str = word(Text(), "`https://…` of the shop's preference pages.")


class AnyValue(Shape[Node]):
    """Anything: kept as written."""

    says = "a value"

    def read_resolved(self, node: Node, reader: Reader) -> Node | Invalid:
        return node

    def schema(self) -> JsonSchema:
        return {}


VARS = MapOf(NewName("variable"), AnyValue(), least=0)
META = AnyValue()


@dataclass(frozen=True, kw_only=True)
class Project(Sentence):
    """`playbooks/project.yaml`: who we are, and the limits that hold for every flow."""

    project: Name = word(NewName("project"), "The project's name; part of bucket seeds.")
    timezone: str = word(Zone(), "Zone of customers without one, and of times without one.")
    locale: str | None = word(Text(), "Locale of customers without one (default en).", default=None)
    currency: str | None = word(
        Text(), "ISO 4217 code that `money` prints (default EUR).", default=None
    )
    postal_address: str | None = word(Text(), "Printed in every marketing e-mail.", default=None)
    links: Links | None = word(SentenceOf(Links, "links"), "Public pages.", default=None)
    defaults: Defaults | None = word(
        SentenceOf(Defaults, "defaults"), "Defaults of sends.", default=None
    )
    guardrails: Guardrails | None = word(
        SentenceOf(Guardrails, "guardrails"),
        "Limits for all flows together.",
        default=None,
    )
    vars: dict[Name, Node] | None = word(VARS, "Values used as `$name` anywhere.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)


# --- catalog --------------------------------------------------------------------------


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


@dataclass(frozen=True, kw_only=True)
class Catalog(Sentence):
    """What the shop's data is called: events, attributes, topics, senders."""

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
    lists: None = later(AnyValue(), "Lists that flows add people to.")
    webhooks: None = later(AnyValue(), "Addresses that flows call.")
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)


# --- stages and segments --------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stage(Sentence):
    """One stage of the lifecycle."""

    rules = Rules(any_of=(("when", "otherwise"),), not_together=(("when", "otherwise"),))

    stage: Name = word(NewName("stage"), "The stage's name.")
    when: Criterion | None = word(
        CRITERION, "Who is in it, if no stage above matched.", default=None
    )
    otherwise: bool | None = word(Truth(), "`true`: everybody left; the last stage.", default=None)
    stay_at_least: Duration | None = word(
        DurationShape(),
        "A customer stays this long, whatever else matches.",
        default=None,
    )
    title: str | None = word(Text(), "A longer name.", default=None)
    goal: str | None = word(Text(), "What this stage is for, in words.", default=None)
    metric: str | None = word(Text(), "The one broad metric of this stage, in words.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)


@dataclass(frozen=True, kw_only=True)
class StagesFile(Sentence):
    """The stage model: top to bottom, first match wins."""

    stages: tuple[Stage, ...] = word(
        ListOf(SentenceOf(Stage, "a stage")), "The stages, from top to bottom."
    )
    vars: dict[Name, Node] | None = word(VARS, "Values used as `$name` in this file.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)


@dataclass(frozen=True, kw_only=True)
class SegmentsFile(Sentence):
    """Segments: names for conditions."""

    segments: dict[Name, Criterion] = word(
        MapOf(NewName("segment"), CRITERION), "Segment → who is in it."
    )
    vars: dict[Name, Node] | None = word(VARS, "Values used as `$name` in this file.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)


# --- flows ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Goal(Sentence):
    """What a run is for; meeting it ends the run."""

    rules = Rules(any_of=(("did", "clicked", "opened"),))
    check_schema = {
        "dependencies": {
            "did": {"properties": {"clicked": False, "opened": False}},
            "clicked": {"properties": {"opened": False}},
            "where": ["did"],
        }
    }

    did: Name | None = word(Ref("event"), "The event that meets it.", default=None)
    clicked: Name | None = word(Ref("message fact"), "A click in this message.", default=None)
    opened: Name | None = word(Ref("message fact"), "An open of this message.", default=None)
    replied: None = later(Ref("message fact"), "A reply to this message.")
    where: Where | None = word(WHERE, WHERE_DOC, default=None)
    within: Duration | None = word(
        DurationShape(),
        "Counted up to this long after the entry, that instant included.",
        default=None,
    )
    keep_going: None = later(Truth(), "`true`: measured, but the run goes on.")

    def check(self, reader: Reader) -> None:
        facts = [key for key in ("did", "clicked", "opened") if key in self.marks]
        if len(facts) > 1:
            reader.report(
                self.mark,
                "CLM109",
                f'a goal has exactly one of these, here are "{facts[0]}" and "{facts[1]}"',
            )
        if self.where and not self.did:
            reader.report(self.mark_at("where"), "CLM108", '"where" goes with "did"')


@dataclass(frozen=True)
class ReEntry:
    """Whether a customer may enter again: never, always, or ``after`` so long an absence."""

    how: str
    after: Duration | None = None

    def __str__(self) -> str:
        return f"after {self.after}" if self.after else self.how


class ReEntryShape(Shape[ReEntry]):
    """``never``, ``always`` or ``after 90 days``."""

    says = "never, always, or after a duration such as: after 90 days"

    def read_resolved(self, node: Node, reader: Reader) -> ReEntry | Invalid:
        if isinstance(node, ScalarNode):
            if node.text in ("never", "always"):
                return ReEntry(node.text)
            duration = parse_duration(node.text.removeprefix("after "))
            if node.text.startswith("after ") and duration:
                return ReEntry("after", duration)
        return self.refuse(node, reader)

    def schema(self) -> JsonSchema:
        duration = DurationShape().plain_schema()["pattern"].removeprefix("^")
        written = {"type": "string", "pattern": f"^(?:never|always)$|^after {duration}"}
        return suggesting(("never", "always"), or_variable(written, self.says))


class StartsShape(Shape[tuple[Start, ...]]):
    """One start, or ``any:`` a list of them, each with an ``id``."""

    says = "a start such as {did: signed_up}, or {any: [...]}"

    def read_resolved(self, node: Node, reader: Reader) -> tuple[Start, ...] | Invalid:
        several = node.get("any") if isinstance(node, MapNode) else None
        if several is None:
            one = starts().read(node, reader)
            return INVALID if isinstance(one, Invalid) else (one,)
        assert isinstance(node, MapNode)
        if len(node.items) > 1:
            return reader.report(node.mark, "CLM109", 'nothing can stand beside "any"')
        if not isinstance(several, ListNode) or not several.items:
            return reader.report(several.mark, "CLM106", '"any" takes a list of starts')
        read = [starts().read(item, reader) for item in several.items]
        good = tuple(start for start in read if not isinstance(start, Invalid))
        for start in good:
            if start.id is None:
                reader.report(start.mark, "CLM107", 'each start under "any" needs an "id"')
        named = all(start.id for start in good)
        return good if named and len(good) == len(read) else INVALID

    def schema(self) -> JsonSchema:
        return {"$ref": "#/definitions/starts"}


@dataclass(frozen=True, kw_only=True)
class Flow(Sentence):
    """One always-on flow: who enters, the steps they walk, when they leave."""

    flow: Name = word(NewName("flow"), "The flow's stable name.")
    title: str | None = word(Text(), "A longer name.", default=None)
    owner: str | None = word(Text(), "Who answers for it.", default=None)
    status: str = word(
        OneOf("draft", "live", "retired", later=("shadow", "paused")),
        "`draft` (default) and `retired` flows are not evaluated.",
        default="draft",
    )
    starts_when: tuple[Start, ...] = word(StartsShape(), "What makes a customer enter.")
    audience: Criterion | None = word(CRITERION, "Who may enter, asked at entry.", default=None)
    re_entry: ReEntry = word(
        ReEntryShape(),
        "`never` (default), `always`, or `after 90 days` since the last exit.",
        default=ReEntry("never"),
    )
    if_already_in: str | None = word(
        OneOf("ignore", later=("restart",)),
        "A start while a run is active is ignored.",
        default=None,
    )
    exits_when: Criterion | None = word(
        CRITERION,
        "Leaves the flow as soon as this holds: one condition, `any:` or `all:`.",
        default=None,
    )
    goal: Goal | None = word(
        SentenceOf(Goal, "a goal"), "What the run is for; ends it.", default=None
    )
    guardrails: Guardrails | None = word(
        SentenceOf(Guardrails, "guardrails"), "This flow's own limits.", default=None
    )
    opens: Moment | None = word(
        MomentShape(),
        "Occurrences before this (customer-local) do not enter.",
        default=None,
    )
    closes: Moment | None = word(
        MomentShape(),
        "Occurrences after this (customer-local) do not enter; a day includes itself.",
        default=None,
    )
    tags: tuple[str, ...] | None = word(
        ListOf(Text()), "For selections and frequency rules.", default=None
    )
    expires_after: Duration | None = word(
        DurationShape(), "How long a held send of this flow is kept.", default=None
    )
    vars: dict[Name, Node] | None = word(VARS, "Values used as `$name` in this flow.", default=None)
    steps: tuple[Step, ...] = word(STEP_LIST, "What happens, in order.")
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
    key: None = later(Text(), "One run per customer and value of this property.")
    recheck: None = later(Truth(), "Ask the audience again before each send.")
    in_flight: None = later(Text(), "What an edit does to people inside.")
    from_blueprint: None = later(Text(), "The blueprint this flow is made from.")
    inputs: None = later(AnyValue(), "The blueprint's inputs.")


# --- messages -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MessageFile(Sentence):
    """`templates/<message>/message.yaml`: what the gate must know before channel and locale."""

    purpose: str | None = word(
        OneOf(*PURPOSES), "`marketing` (default) or `transactional`.", default=None
    )
    topic: Name | None = word(
        Ref("topic"), "What the customer must be subscribed to.", default=None
    )
    expires_after: Duration | None = word(
        DurationShape(), "Not sent if held for this long.", default=None
    )
    send_between: DailyHours | None = word(Hours(), "Only in these local hours.", default=None)
    from_: Name | None = word(Ref("sender"), "The sender.", default=None)
    reply_to: str | None = word(Text(), "Where answers go.", default=None)
    with_: dict[Name, Node] | None = word(
        MapOf(DataName("value"), AnyValue()),
        "Defaults for the template's `with.x`.",
        default=None,
    )
    trusted: tuple[str, ...] | None = word(
        ListOf(Text()), "Values that may be printed with `|safe`.", default=None
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)


@dataclass(frozen=True)
class Template:
    """One template file: ``<channel>[.<locale>].<format>.j2`` of one message."""

    path: str
    """Below the project."""
    channel: str
    locale: str | None
    format: str
    subject: str | None
    preheader: str | None
    body: str
    body_line: int
    """Line of the file on which ``body`` begins; the front matter stands above it."""
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False)
    """``subject`` and ``preheader`` → where their text stands."""


@dataclass(frozen=True)
class Message:
    """One message: its folder's settings and its templates."""

    name: str
    settings: MessageFile
    templates: tuple[Template, ...]

    def channels(self) -> frozenset[str]:
        """Return the channels this message has a template for."""
        return frozenset(template.channel for template in self.templates)


# --- the whole ------------------------------------------------------------------------


@dataclass(frozen=True)
class Segment:
    """A named condition."""

    name: Name
    when: Criterion


@dataclass(frozen=True)
class Playbook:
    """A whole project that loaded without errors."""

    project: Project
    catalog: Catalog
    """All catalog files as one."""
    stages: tuple[Stage, ...]
    segments: Mapping[str, Segment]
    flows: Mapping[str, Flow]
    """By id, sorted."""
    messages: Mapping[str, Message]
    layouts: Mapping[str, str]
    """``_layouts/name`` and ``_partials/name`` → text, for the template loader."""
    files: Mapping[str, str]
    """Path below the project → exact text, of everything above."""
    fingerprint: str
    """sha256 over ``files``, in hex: the release."""
