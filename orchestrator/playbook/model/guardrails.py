"""Guardrails: limits on what is sent, of the project and of flows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from orchestrator.flow.base import ON_DAYS, ON_DAYS_DOC
from orchestrator.language.containers import Choice, ListOf, OneOrMany
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.language.moments import DurationShape, Hours, Moment, MomentShape, Zone
from orchestrator.language.names import Name, Ref
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import OneOf, Share, Text, Whole
from orchestrator.language.words import Sentence, word


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
