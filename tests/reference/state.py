"""What the reference keeps from tick to tick, and one tick at work."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, NamedTuple

from reference.view import Past, Result, Run, View
from reference.world import Happening, World

from orchestrator import openings
from orchestrator.flow.base import Start, Step
from orchestrator.flow.steps.repeat import Repeat
from orchestrator.flow.steps.until import Until
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.playbook.model import Flow, Playbook

DEFAULT_CATCH_UP = Duration(3, "day")


def catch_up_of(start: Start) -> Duration:
    """Return how late an occurrence may be seen; of a level, which has no instant, no matter."""
    return getattr(start, "catch_up", None) or DEFAULT_CATCH_UP


DEFAULT_EXPIRY = Duration(3, "day")
DEFAULT_QUIET = openings.QuietSlot(DailyHours(21 * 60, 8 * 60))
NINE = time(9)
EVALUATED = ("live", "shadow")
PROJECT = ""
"""Stands for the project where a flow's name would stand."""


@dataclass(frozen=True)
class Decision:
    """One line of what a tick decided."""

    at: datetime
    customer: str
    flow: str
    entry: int
    step: str
    message: str
    decision: str
    reason: str | None
    due_at: datetime
    channel: str | None = None
    detail: str | None = None
    variant: str | None = None


@dataclass(eq=False)
class Frame:
    """One time that a run is inside of an ``until`` or ``repeat``."""

    step: Until | Repeat
    variant: str | None
    outer: tuple[Frame, ...]
    number: int = 0
    began: datetime | None = None


class Todo(NamedTuple):
    """A step to come; without one, the end of a round."""

    step: Step | None
    variant: str | None = None
    frames: tuple[Frame, ...] = ()


@dataclass
class Passage:
    """One customer's run of one flow, and what is left of its steps."""

    flow: str
    customer: str
    entry: int
    start: str
    at: datetime
    event: Happening | None
    todo: list[Todo]
    """What is to come, next one first."""
    frames: tuple[Frame, ...] = ()
    """The ``until`` and ``repeat`` steps around where it is, the outermost first."""
    lap: int = 0
    asks: bool = False
    """Whether a ``wait_until`` may be asked again in this tick."""
    results: dict[str, Result] = field(default_factory=dict)
    standing: Step | None = None
    variant: str | None = None
    reached_at: datetime | None = None
    due_at: datetime | None = None
    held_reason: str | None = None
    held_until: datetime | None = None
    key: Any = None
    ended_at: datetime | None = None
    exit_reason: str | None = None
    exit_detail: str | None = None

    @property
    def active(self) -> bool:
        return self.ended_at is None

    def facts(self) -> Run:
        """Return what conditions may know of it."""
        results = dict(self.results)
        return Run(self.flow, self.entry, self.at, self.start, self.event, results)


class EffectKey(NamedTuple):
    """What makes an effect happen once."""

    flow: str
    customer: str
    entry: int
    step: str
    occurrence: str


class Effect(NamedTuple):
    """What a step did beside sending, or would have done."""

    at: datetime
    kind: str
    object: str
    withheld: str | None


@dataclass
class Call:
    """The latest call of a webhook by one step occurrence (rule 49)."""

    webhook: str
    reached_at: datetime
    made_at: datetime
    variant: str | None
    generation: int = 0
    heard: bool = False
    """Whether it was looked at for what became of it."""
    failed_at: datetime | None = None
    answer: Happening | None = None


class Telling(NamedTuple):
    """One time that a flow told another about a customer (rule 48)."""

    teller: str
    flow: str
    event: Happening


@dataclass
class State:
    """All that is remembered between ticks."""

    past: Past = field(default_factory=Past)
    watermark: datetime | None = None
    live_since: dict[str, datetime] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    definitions: dict[str, str] = field(default_factory=dict)
    passages: list[Passage] = field(default_factory=list)
    used: set[tuple[str, str, str]] = field(default_factory=set)
    evaluated: dict[str, datetime] = field(default_factory=dict)
    """Flow → the latest tick that evaluated it."""
    tripped: dict[str, datetime] = field(default_factory=dict)
    resumed: set[str] = field(default_factory=set)
    """Flows resumed since the last tick."""
    effects: dict[EffectKey, Effect] = field(default_factory=dict)
    told: list[Telling] = field(default_factory=list)
    calls: dict[EffectKey, Call] = field(default_factory=dict)

    def copy(self) -> State:
        """Return a state that may be changed without changing this one."""
        return deepcopy(self)


@dataclass(frozen=True)
class Occurrence:
    """Something that may open a run."""

    start: Start
    start_id: str
    key: str
    instant: datetime
    entry_at: datetime
    event: Happening | None = None
    exempt: bool = False
    """Back-filled: never stale."""
    order: tuple[Any, ...] = ()


@dataclass
class Tick:
    """A tick at work. ``decisions`` and ``left_out`` are its results."""

    playbook: Playbook
    world: World
    state: State
    now: datetime
    paused: frozenset[str] = frozenset()
    """Flows paused by hand; the empty name is all of them."""
    decisions: list[Decision] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(flow, entry reason) → how many."""
    refused: dict[tuple[str, str, str], str | None] = field(default_factory=dict)
    """(flow, customer, occurrence) → reason, None if it opened a run."""

    def evaluates(self, flow: Flow) -> bool:
        """Return whether the flow is looked at in this tick (rule 1)."""
        return flow.status in EVALUATED and not {str(flow.flow), PROJECT} & self.paused

    def view(self, customer: str, owner: str = "", run: Run | None = None) -> View:
        """Return what conditions see of a customer now."""
        person = self.world.person(customer)
        return View(
            self.playbook, self.world, self.state.past, person, self.now, owner, run,
            this_run=run is not None,
        )  # fmt: skip
