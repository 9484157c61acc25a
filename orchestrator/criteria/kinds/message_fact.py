"""``received``, ``opened``, ``clicked`` and the like: what became of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.flips import left_behind
from orchestrator.criteria.modifiers import SINCE
from orchestrator.criteria.nearest import Change, Found
from orchestrator.criteria.phrases import title, window_phrase
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import Name, Ref
from orchestrator.language.shapes import Whole
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.shown import Actual
    from orchestrator.criteria.sweep import Sweep

KINDS = ("received", "opened", "clicked", "replied", "bounced", "complained")


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class MessageFact(Condition):
    """Whether a message was received, opened …; in a flow's own steps, in this run."""

    heads = (*KINDS, *(f"not_{kind}" for kind in KINDS))
    operand_shape = Ref("message fact", says="a message, flow/message, flow/any or any")
    operand_doc = "The message: its id, `flow/message`, `flow/any` or `any`."
    example = """\
- not_received: win_back/any_offer
  in_last: 90 days
- clicked: welcome_hello
- received: any
  at_least: 3
  in_last: 30 days
  channel: email
"""

    operand: Name
    at_least: int | None = word(Whole(1), "This often or more (default 1).", default=None)
    in_last: Duration | None = word(
        DurationShape(), "Not longer ago than this, in any run.", default=None
    )
    channel: Name | None = word(Ref("channel"), "Only on this channel.", default=None)
    since: str | None = word(SINCE, "`entry`: after the run's entry, in any run.", default=None)

    def predicate(self, scope: Scope) -> Predicate:
        held = scope.message_facts(self.head.removeprefix("not_"), self)
        return ~held if self.head.startswith("not_") else held

    def swept(self, sweep: Sweep) -> None:
        sweep.message_facts(self.head.removeprefix("not_"), self)

    def says(self) -> str:
        said = f"{title(self.head)} {self.operand}"
        if self.at_least not in (None, 1):
            said += f" at least {self.at_least} times"
        return said + (f" on {self.channel}" if self.channel else "") + window_phrase(self)

    def actual(self, scope: Scope) -> Actual | None:
        return scope.shown.latest_fact(self.head.removeprefix("not_"), self)

    def pivot(self, scope: Scope, *, wanted: bool) -> Actual | None:
        positive = wanted is not self.head.startswith("not_")
        if positive or self.in_last is None:
            return None
        return scope.shown.nth_fact(self.head.removeprefix("not_"), self, (self.at_least or 1) - 1)

    def nearest(self, found: Found) -> Change | None:
        if found.pivot is None or self.in_last is None:
            return None
        return Change(at=left_behind(found.pivot, self.in_last))
