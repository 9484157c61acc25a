"""Why a send is held: each gate that a held send waits at, and when it opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import func, select

from orchestrator import openings, tables, timing
from orchestrator.counting import counted
from orchestrator.criteria.flips import left_behind
from orchestrator.criteria.messages import one_message
from orchestrator.criteria.nearest import Change
from orchestrator.explain.questions import Inquiry
from orchestrator.gate.policy import SendPolicy, frequency_rules, quiet_slot, volume_limits
from orchestrator.language.marks import Mark
from orchestrator.playbook.model import FrequencyRule
from orchestrator.records.explained import ExplainedLeaf
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.tries import Standing


@dataclass(frozen=True)
class Gate:
    """One gate as it stands at this tick."""

    path: str
    says: str
    actual: str | None
    mark: Mark
    is_open: bool
    opens: datetime | None = None
    """When the clock alone opens it; None if it is open, or a person has to."""
    of: str = ""
    """The flow, or the project, whose volume breaker it is."""


@dataclass(frozen=True)
class Gates:
    """The gates before the held send that a run stands at (semantics 55 to 58)."""

    inquiry: Inquiry
    """About the customer."""
    live: LiveFlow
    run: Mapping[str, Any]
    policy: SendPolicy

    def lines(self) -> Iterator[ExplainedLeaf]:
        """Yield the gates, in the order in which a tick asks them."""
        for gate in self._gates:
            yield ExplainedLeaf(
                path=gate.path,
                says=gate.says,
                holds=gate.is_open,
                actual=gate.actual,
                nearest=self.inquiry.speech.nearest(Change(at=gate.opens)) if gate.opens else None,
                at=str(gate.mark),
            )

    def next(self) -> str:
        """Return until when the send is held, if nothing else changes."""
        now, speech = self.inquiry.tick.now, self.inquiry.speech
        expires = left_behind(self.run["reached_at"], self.policy.expires_after)
        held = f"the send {self.run['step']} is held ({self.run['held_reason']})"
        if expires <= now:
            return f"{held} and expires at the next run"
        tripped = [gate.of for gate in self._gates if gate.of]
        if tripped:
            release = " and ".join(f"clmctl resume {name}" for name in tripped)
            return f"{held} until {release}; it expires on {speech.instant(expires)}"
        again = self._opens()
        if again is not None and again >= expires:
            return f"{held} and expires on {speech.instant(expires)}, before it is free"
        when = f"on {speech.instant(again)}" if again else "at the next run"
        return f"{held}, and is tried again {when}; it expires on {speech.instant(expires)}"

    def _opens(self) -> datetime | None:
        """Return when the clock has opened every gate; None if it has."""
        slots = Standing(self.inquiry.tick, self.live, self.policy).opens_next(self.inquiry.zone)
        times = [slots, *(gate.opens for gate in self._gates)]
        return max((at for at in times if at and at > self.inquiry.tick.now), default=None)

    @cached_property
    def _gates(self) -> list[Gate]:
        marketing = self.policy.is_marketing
        return [*self._slots(), *self._breakers(), *(self._rules() if marketing else ())]

    # --- slots --------------------------------------------------------------------------

    def _slots(self) -> Iterator[Gate]:
        quiet, hours = self.policy.quiet_hours, self.policy.send_between
        if quiet is not None:
            says = f"outside the quiet hours {quiet.between}"
            yield self._slot("quiet_hours", says, quiet_slot(quiet), quiet.mark)
        if hours is not None:
            mark = self.policy.step.mark_at("send_between")
            yield self._slot("send_between", f"send between {hours}", openings.Slot(hours), mark)

    def _slot(self, name: str, says: str, slot: openings.Opening, mark: Mark) -> Gate:
        now, zone = self.inquiry.tick.now, slot.zone or self.inquiry.zone
        is_open = openings.is_open(slot, now, zone)
        opens = None if is_open else openings.first_open(now, zone, [slot])
        clock = f"it is {now.astimezone(zone):%A %H:%M} in {zone.key}"
        return Gate(f"gate.{name}", says, clock, mark, is_open, opens)

    # --- volume -------------------------------------------------------------------------

    def _tripped(self) -> list[tuple[str, datetime]]:
        """Return the breakers that are tripped, of the flow and of the project, and since when."""
        tick = self.inquiry.tick
        names = (self.live.name, str(tick.playbook.project.project))
        states = ((name, tick.breakers.get(name)) for name in names)
        return [(name, one.tripped_at) for name, one in states if one and one.tripped_at]

    def _breakers(self) -> Iterator[Gate]:
        playbook = self.inquiry.tick.playbook
        own, shared = volume_limits(playbook, self.live.flow)
        limits = {str(playbook.project.project): shared, self.live.name: own}
        for name, since in self._tripped():
            limit = limits[name]
            if limit is not None:
                says = f"{name}: at most {counted(limit.customers, 'customer')} per {limit.per}"
                actual = f"tripped on {self.inquiry.speech.instant(since)}"
                yield Gate("gate.volume", says, actual, limit.mark, is_open=False, of=name)

    # --- frequency ----------------------------------------------------------------------

    def _rules(self) -> Iterator[Gate]:
        meant = {*self.policy.channels}
        for rule, flows in frequency_rules(self.inquiry.tick.playbook, self.live.flow):
            if rule.channel is None or meant & {"preferred", str(rule.channel)}:
                yield self._rule(rule, flows)

    def _rule(self, rule: FrequencyRule, flows: tuple[str, ...] | None) -> Gate:
        sent = self._sent(rule, flows)
        says = f"at most {rule.at_most} per {rule.per}"
        says += f" on {rule.channel}" if rule.channel else ""
        actual = f"{len(sent)} sent"
        actual += f", the last on {self.inquiry.speech.instant(sent[0])}" if sent else ""
        is_open = len(sent) < rule.at_most
        opens = None if is_open else left_behind(sent[rule.at_most - 1], rule.per)
        return Gate("gate.frequency", says, actual, rule.mark, is_open, opens)

    def _sent(self, rule: FrequencyRule, flows: tuple[str, ...] | None) -> list[datetime]:
        """Return when the messages that a rule counts were decided, the latest first."""
        tick, sent = self.inquiry.tick, tables.message
        at = func.max(sent.c.decided_at)
        query = select(at).where(
            sent.c.customer_id == self.run["customer_id"],
            sent.c.decided_at > timing.minus(tick.now, rule.per),
            sent.c.decided_at <= tick.now,
            sent.c.purpose == "marketing",
        )
        if flows is not None:
            query = query.where(sent.c.flow.in_(flows))
        if rule.channel is not None:
            query = query.where(sent.c.channel == str(rule.channel))
        return list(tick.connection.scalars(query.group_by(one_message(sent)).order_by(at.desc())))
