"""Flows: who enters, the steps they walk, when they leave."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.criteria.modifiers import WHERE, WHERE_DOC, Where
from orchestrator.flow.base import STEP_LIST, Start, Step, starts
from orchestrator.language.containers import ListOf
from orchestrator.language.durations import (
    FIXED_UNITS,
    UNITS,
    Duration,
    meant_duration,
    parse_duration,
)
from orchestrator.language.moments import DurationShape, Moment, MomentShape
from orchestrator.language.names import DataName, Name, NewName, Ref
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader, part_of, whole
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import (
    JsonSchema,
    OneOf,
    Shape,
    Text,
    Truth,
    or_variable,
    suggesting,
)
from orchestrator.language.words import Rules, Sentence, word
from orchestrator.playbook.model.anything import INCLUDE, INCLUDE_DOC, META, VARS, AnyValue
from orchestrator.playbook.model.guardrails import Guardrails

IN_FLIGHT = ("follow", "pin", "restart", "drain")


@dataclass(frozen=True, kw_only=True)
class Goal(Sentence):
    """What a run is for; meeting it ends the run, unless it shall keep going."""

    rules = Rules(any_of=(("did", "clicked", "opened", "replied"),))
    check_schema = {
        "dependencies": {
            "did": {"properties": {"clicked": False, "opened": False, "replied": False}},
            "clicked": {"properties": {"opened": False, "replied": False}},
            "opened": {"properties": {"replied": False}},
            "where": ["did"],
        }
    }

    did: Name | None = word(Ref("event"), "The event that meets it.", default=None)
    clicked: Name | None = word(Ref("message fact"), "A click in this message.", default=None)
    opened: Name | None = word(Ref("message fact"), "An open of this message.", default=None)
    replied: Name | None = word(Ref("message fact"), "A reply to this message.", default=None)
    where: Where | None = word(WHERE, WHERE_DOC, default=None)
    within: Duration | None = word(
        DurationShape(FIXED_UNITS),
        "Counted up to this long after the entry, that instant included.",
        default=None,
    )
    keep_going: bool | None = word(
        Truth(), "`true`: it is measured, but the run goes on.", default=None
    )

    @property
    def message(self) -> tuple[str, Name] | None:
        """The receipt that meets it, as (kind, message fact); None if an event does."""
        for kind in ("clicked", "opened", "replied"):
            named: Name | None = getattr(self, kind)
            if named is not None:
                return kind, named
        return None

    def check(self, reader: Reader) -> None:
        facts = [key for key in ("did", "clicked", "opened", "replied") if key in self.marks]
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
        return self.refuse(node, reader, help=_meant(node))

    def schema(self) -> JsonSchema:
        duration = DurationShape().plain_schema()["pattern"].removeprefix("^")
        written = {"type": "string", "pattern": f"^(?:never|always)$|^after {duration}"}
        return suggesting(("never", "always"), or_variable(written, self.says))


def _meant(node: Node) -> str | None:
    written = node.text if isinstance(node, ScalarNode) else ""
    if re.fullmatch(r"after 0+ ?[a-z]+", written):
        return 'to let customers enter again at once, write "always"'
    hint = meant_duration(written.removeprefix("after "), UNITS)
    return hint.replace('"', '"after ', 1).replace(' or "', ' or "after ') if hint else None


class StartsShape(Shape[tuple[Start, ...]]):
    """One start, or ``any:`` a list of them, each with an ``id``."""

    says = "a start such as {did: signed_up}, or {any: [...]}"

    def read_resolved(self, node: Node, reader: Reader) -> tuple[Start, ...] | Invalid:
        several = node.get("any") if isinstance(node, MapNode) else None
        if several is None:
            one = starts().read(node, reader)
            return whole((part_of(one),), [one])
        assert isinstance(node, MapNode)
        alone = len(node.items) == 1
        if not alone:
            reader.report(node.mark, "CLM109", 'nothing can stand beside "any"')
        if not isinstance(several, ListNode) or not several.items:
            return reader.report(several.mark, "CLM106", '"any" takes a list of starts')
        read = [starts().read(item, reader) for item in several.items]
        parts = tuple(part_of(start) for start in read)
        unnamed = [start for start in parts if isinstance(start, Start) and not _has_id(start)]
        for start in unnamed:
            reader.report(start.mark, "CLM107", 'each start under "any" needs an "id"')
        return whole(parts, read) if alone and not unnamed else Invalid(parts)

    def schema(self) -> JsonSchema:
        return {"$ref": "#/definitions/starts"}


def _has_id(start: Start) -> bool:
    return start.id is not None or "id" in start.marks


@dataclass(frozen=True, kw_only=True)
class Flow(Sentence):
    """One always-on flow: who enters, the steps they walk, when they leave."""

    rules = Rules(
        needs={"recheck": ("audience",), "inputs": ("from_blueprint",)},
        spared={"starts_when": "from_blueprint", "steps": "from_blueprint"},
    )
    check_schema = {
        "dependencies": {
            "key": {
                "properties": {
                    "starts_when": {
                        "properties": {"any": {"items": {"required": ["did"]}}},
                        "anyOf": [{"required": ["did"]}, {"required": ["any"]}],
                    }
                }
            }
        }
    }

    flow: Name = word(NewName("flow"), "The flow's stable name.")
    title: str | None = word(Text(), "A longer name.", default=None)
    owner: str | None = word(Text(), "Who answers for it.", default=None)
    status: str = word(
        OneOf("draft", "shadow", "live", "paused", "retired"),
        "`live` flows send; `shadow` decides everything and sends nothing; in a `paused` flow "
        "runs stand still; `draft` (default) and `retired` flows are not evaluated.",
        default="draft",
    )
    starts_when: tuple[Start, ...] = word(StartsShape(), "What makes a customer enter.")
    audience: Criterion | None = word(CRITERION, "Who may enter, asked at entry.", default=None)
    re_entry: ReEntry = word(
        ReEntryShape(),
        "`never` (default), `always`, or `after 90 days` since the last exit.",
        default=ReEntry("never"),
    )
    if_already_in: str = word(
        OneOf("ignore", "restart"),
        "A start while a run is active is ignored (default), or ends that run and begins anew.",
        default="ignore",
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
    key: Name | None = word(
        DataName("key"),
        "A property of the start events: one run at a time per customer and value of it.",
        default=None,
    )
    recheck: bool | None = word(
        Truth(),
        "`true`: the audience is asked again before each send; who left it leaves the flow.",
        default=None,
    )
    in_flight: str = word(
        OneOf(*IN_FLIGHT),
        "What an edit of the flow does to people inside: `follow` (default) keeps their place by "
        "step id, `drain` as well and lets nobody in, `restart` lets them begin anew, `pin` lets "
        "them finish on the release they entered under.",
        default="follow",
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
    from_blueprint: Name | None = word(
        Ref("blueprint"),
        "The blueprint this flow is made from; words said here stand in for its own.",
        default=None,
    )
    inputs: Node | None = word(AnyValue(), "The blueprint's inputs, by name.", default=None)
    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)

    def check(self, reader: Reader) -> None:
        if self.key is not None and any(start.head != "did" for start in self.starts_when):
            reader.report(
                self.mark_at("key"),
                "CLM108",
                '"key" goes with starts by events: only they have properties',
                help="start the flow with {did: ...} alone, or leave the key out",
            )
