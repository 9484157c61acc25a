"""Asking the gate about one send that runs stand at (semantics 51-55, 58)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from orchestrator import openings, tables
from orchestrator.channels.spec import CHANNELS
from orchestrator.columns import exact_text
from orchestrator.criteria import rows as facts
from orchestrator.criteria.scope import Scope
from orchestrator.gate.policy import SendPolicy, consenting_topics, quiet_slot
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.holds import occurrence
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.smearing import SLOTS, leaves_at
from orchestrator.tick.zones import in_zones

run, attempt, attempt_copy = workspace.run, workspace.attempt, workspace.attempt_copy
_COPY = [column.name for column in attempt_copy.columns]
_TEXT = exact_text()
LEFT_AUDIENCE = "audience"
UNPLACED = and_(attempt.c.decision.is_(None), attempt.c.channel.is_(None))
"""The attempts that nothing has stopped so far, and that found no channel."""
LEAVES = attempt.c.decision == LEFT_AUDIENCE
"""The attempts whose run ends, for ``recheck`` found its customer outside the audience."""


@dataclass
class Standing:
    """One send step, and the runs that stand at it and were not tried in this tick."""

    tick: Tick
    live: LiveFlow
    policy: SendPolicy
    customer: FromClause = field(default_factory=lambda: aliased(tables.customer))
    _subscribed: dict[tuple[str, ...], ColumnElement[bool]] = field(default_factory=dict)
    """Topics → whether the customer subscribes to any of them."""

    @cached_property
    def scope(self) -> Scope:
        """What the conditions about these runs are compiled in."""
        return self.tick.scope(self.customer, self.live.name, run=run, each=True, this_run=True)

    @property
    def here(self) -> ColumnElement[bool]:
        """The runs that stand here untried."""
        return and_(
            self.live.walkers,
            run.c.step == self.policy.node.id,
            run.c.moving == 0,
            run.c.status == "active",
            run.c.tried == 0,
        )

    def open_attempts(self) -> None:
        """Add an attempt per run, with the first test of its own that it fails."""
        customer, policy = self.customer, self.policy
        columns: dict[str, Any] = {
            name: run.c[name]
            for name in ("flow", "customer_id", "entry", "step", "reached_at", "held_reason")
        }
        columns |= {
            "occurrence": occurrence(self.live, policy.node),
            "message": literal(policy.message),
            "purpose": literal(policy.purpose),
            "topic": literal(policy.topic, _TEXT),
            "variant": literal(policy.node.variant, _TEXT),
            "priority": literal(policy.priority),
            "rank": literal(1),
            "channel": self._channel(),
            "later": self._first_of([*self._holdout().items(), *self._closed_slots().items()]),
            "decision": self._first_of(self._early().items()),
            "not_before": leaves_at(self),
        }
        query = select(*columns.values()).where(self.here)
        query = query.select_from(run.join(customer, customer.c.id == run.c.customer_id))
        self.tick.execute(insert(attempt).from_select(list(columns), query))
        if policy.step.on_each_channel:
            self._open_copies()

    def _open_copies(self) -> None:
        """Add what else an attempt is sent on: every channel that could be taken but the first."""
        taken: dict[str, list[ColumnElement[bool]]] = {}
        for name, meant in self._choices:
            taken.setdefault(name, []).append(meant)
        customer = self.customer
        rows = attempt.join(customer, customer.c.id == attempt.c.customer_id)
        for name, ways in taken.items():
            possible = and_(or_(*ways), self._consents(name), facts.reachable(self.scope, name))
            columns = [attempt.c[key] for key in ("flow", "customer_id", "entry", "step")]
            query = (
                select(*columns, literal(name))
                .select_from(rows)
                .where(
                    attempt.c.flow == self.live.name,
                    attempt.c.step == self.policy.node.id,
                    attempt.c.channel != name,
                    possible,
                )
            )
            self.tick.execute(insert(attempt_copy).from_select(_COPY, query))

    def refuse(self) -> None:
        """Suppress the attempts here that found no channel, and say why."""
        found = attempt.c
        mine = and_(found.flow == self.live.name, found.step == self.policy.node.id, UNPLACED)
        values = {"decision": "suppress", "reason": self._refusal()}
        self.tick.execute(update(attempt).where(mine).values(**values))

    @staticmethod
    def _first_of(tests: Iterable[tuple[str, ColumnElement[bool]]]) -> ColumnElement[Any]:
        """Return the name of the first test that holds, NULL if none does."""
        whens = [(test, literal(name, _TEXT)) for name, test in tests]
        return cast(case(*whens, else_=null()) if whens else null(), _TEXT)

    def _of_runs(self, test: ColumnElement[bool]) -> ColumnElement[bool]:
        query = select(self.customer.c.id).where(self.customer.c.id == run.c.customer_id, test)
        return exists(query.correlate(run))

    # --- tests ------------------------------------------------------------------------

    def _early(self) -> dict[str, ColumnElement[bool]]:
        """Return what is asked before consent: expiry, ``only_if``, then ``recheck``."""
        tests = {"expire": run.c.reached_at <= self.scope.ago(self.policy.expires_after)}
        if self.policy.step.only_if is not None:
            # a fresh send was asked as it was reached
            held = run.c.held_reason.is_not(None)
            self.tick.asks(self.policy.step.only_if, self.scope, and_(self.here, held))
            tests["only_if"] = and_(held, ~self.scope.predicate(self.policy.step.only_if))
        if self.live.flow.recheck:
            asked = self.tick.scope(self.customer, self.live.name, run=run, each=True)
            self.tick.asks(self.live.flow.audience, asked, self.here)
            tests[LEFT_AUDIENCE] = ~asked.predicate(self.live.flow.audience)
        return tests

    def _holdout(self) -> dict[str, ColumnElement[bool]]:
        held_out = [
            self.scope.in_share(holdout.seed or seed, holdout.share)
            for seed, holdout in self.policy.holdouts
        ]
        return {"holdout": or_(*held_out)} if held_out else {}

    def _closed_slots(self) -> dict[str, ColumnElement[bool]]:
        """Return the slots that are closed now for the customer's clock, by hold reason."""
        now, quiet, hours = self.tick.now, self.policy.quiet_hours, self.policy.send_between
        tests = {}
        if quiet is not None:
            awake = quiet_slot(quiet)
            tests["quiet_hours"] = in_zones(
                self.tick, self.customer, lambda zone: not awake.is_open(now, zone)
            )
        if hours is not None:
            slot = openings.Slot(hours)
            tests["send_between"] = in_zones(
                self.tick, self.customer, lambda zone: not slot.is_open(now, zone)
            )
        return tests

    def opens_next(self, zone: ZoneInfo) -> datetime | None:
        """Return when the send's slots are open again for a customer of that zone."""
        return openings.next_allowed(self.tick.now, zone, *self.slots)

    def closes_next(self, zone: ZoneInfo) -> datetime | None:
        """Return when one of the send's slots is closed next for a customer of that zone."""
        return openings.next_refused(self.tick.now, zone, *self.slots)

    @property
    def slots(self) -> tuple[openings.QuietSlot | None, openings.Slot | None]:
        """The quiet hours and the hours of ``send_between`` that apply."""
        quiet, hours = self.policy.quiet_hours, self.policy.send_between
        return quiet_slot(quiet) if quiet else None, openings.Slot(hours) if hours else None

    # --- channels ---------------------------------------------------------------------

    @cached_property
    def _choices(self) -> list[tuple[str, ColumnElement[bool]]]:
        """Return (channel, whether it is meant), in order; ``preferred`` is the customer's."""
        choices: list[tuple[str, ColumnElement[bool]]] = []
        for name in self.policy.channels:
            if name != "preferred":
                choices.append((str(name), true()))
                continue
            templates = self.tick.playbook.messages[self.policy.message].channels()
            choices += [
                (channel, func.coalesce(self.customer.c.preferred_channel == channel, false()))
                for channel in sorted(templates & CHANNELS.keys())
            ]
        return choices

    def _channel(self) -> ColumnElement[Any]:
        """Return the first channel with consent, an address and no suppression."""
        return self._first_of(
            (name, and_(meant, self._consents(name), facts.reachable(self.scope, name)))
            for name, meant in self._choices
        )

    def _consents(self, channel: str) -> ColumnElement[bool]:
        topics = consenting_topics(self.tick.playbook.catalog, self.policy, channel)
        if topics is None:
            return true()
        asked = tuple(topics)  # channels share them
        if asked not in self._subscribed:
            any_of = (self.scope.subscribed(topic) for topic in asked)
            self._subscribed[asked] = or_(*any_of, false())
        return self._subscribed[asked]

    def _refusal(self) -> ColumnElement[Any]:
        """Return why an attempt found no channel: consent, suppressed, else unreachable."""
        consented = [and_(meant, self._consents(name)) for name, meant in self._choices]
        addressed = [
            and_(consents, facts.has_address(self.scope, name))
            for consents, (name, _) in zip(consented, self._choices, strict=True)
        ]
        meant = or_(*(meant for _, meant in self._choices), false())
        reason = case(
            (~meant, "unreachable"),
            (~or_(*consented, false()), "consent"),
            (or_(*addressed, false()), "suppressed"),
            else_="unreachable",
        )
        query = select(reason).where(self.customer.c.id == attempt.c.customer_id)
        return query.correlate(attempt).scalar_subquery()


def decide(tick: Tick, tried: Sequence[Standing]) -> None:
    """Decide the attempts that an own test fails: by the first one, in the gate's order."""
    found = attempt.c
    failed: list[tuple[Any, Any, Any]] = [
        (found.decision == "expire", "expire", found.held_reason),
        (found.decision == "only_if", "suppress", "only_if"),
        (LEAVES, _leaving(), LEFT_AUDIENCE),
        (found.later == "holdout", "suppress", "holdout"),
        (found.later.in_(SLOTS), "hold", found.later),
    ]
    fails = or_(found.decision.is_not(None), and_(~UNPLACED, found.later.is_not(None)))
    decision = case(*((test, decision) for test, decision, _ in failed))
    reason = case(*((test, reason) for test, _, reason in failed))
    tick.execute(update(attempt).where(fails).values(decision=decision, reason=reason))
    query = select(found.flow, found.step).where(UNPLACED).distinct()
    unplaced = {(flow, step) for flow, step in tick.connection.execute(query)}
    for standing in tried:
        if (standing.live.name, standing.policy.node.id) in unplaced:
            standing.refuse()


def _leaving() -> ColumnElement[Any]:
    """Return the decision on an attempt whose run ends; a hold is closed with the run."""
    return case((attempt.c.held_reason.is_(None), "suppress"), else_=LEFT_AUDIENCE)
