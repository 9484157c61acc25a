"""``did``: an event starts the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.criteria.modifiers import WHERE, WHERE_DOC, Where
from orchestrator.flow.base import STARTS, Occurring
from orchestrator.language.durations import FIXED_UNITS, Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.names import Name, Ref
from orchestrator.language.shapes import Whole
from orchestrator.language.words import word

if TYPE_CHECKING:
    from sqlalchemy import Select

    from orchestrator.criteria.sweep import Sweep
    from orchestrator.tick.candidates import Candidates


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class DidStart(Occurring):
    """Start once per event since the flow went live."""

    heads = ("did",)
    operand_shape = Ref("event")
    operand_doc = "The event."
    example = """\
- did: signed_up
- did: purchase
  number: 1
  where: {amount: {at_least: 50}}
  after: 24 hours
"""

    operand: Name
    where: Where | None = word(WHERE, WHERE_DOC, default=None)
    number: int | None = word(
        Whole(1, 1_000_000), "Only the customer's n-th such event.", default=None
    )
    after: Duration | None = word(
        DurationShape(FIXED_UNITS), "The occurrence happens this much later.", default=None
    )
    backfill: Duration | None = word(
        DurationShape(),
        "Take in events from this long before the flow went live.",
        default=None,
    )

    def swept(self, sweep: Sweep) -> None:
        sweep.events(self.operand, None, self.where)
        if self.after is not None:
            sweep.events_waited_for(self.operand, self.after)

    def candidates(self, found: Candidates) -> Select[Any]:
        return found.of_events(
            self.operand,
            self.where,
            number=self.number,
            after=self.after,
            backfill=self.backfill,
        )
