"""Stages and segments: who customers are to us."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.language.containers import ListOf, MapOf
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import Name, NewName
from orchestrator.language.nodes import Node
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import Text, Truth
from orchestrator.language.words import Rules, Sentence, word
from orchestrator.playbook.model.anything import INCLUDE, INCLUDE_DOC, META, VARS


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
    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)


@dataclass(frozen=True, kw_only=True)
class SegmentsFile(Sentence):
    """Segments: names for conditions."""

    segments: dict[Name, Criterion] = word(
        MapOf(NewName("segment"), CRITERION), "Segment → who is in it."
    )
    vars: dict[Name, Node] | None = word(VARS, "Values used as `$name` in this file.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)


@dataclass(frozen=True)
class Segment:
    """A named condition."""

    name: Name
    when: Criterion
