"""What steps do beside sending: lists, consent, tasks, telling other flows (47-48, 59).

Each effect is a row of ``effect``, once per step occurrence, whether it was done or
withheld. A withheld one does nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    case,
    exists,
    insert,
    literal,
    null,
    or_,
    select,
)

from orchestrator import tables, timing
from orchestrator.columns import exact_text, to_micros
from orchestrator.criteria import messages
from orchestrator.criteria.scope import Scope
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.steps.consent import EVERY_TOPIC
from orchestrator.gate.policy import holdouts
from orchestrator.language.durations import Duration
from orchestrator.language.literals import Literal
from orchestrator.language.names import Name
from orchestrator.tables.reading import aliased
from orchestrator.tick import tellings, workspace
from orchestrator.tick.holds import occurrence
from orchestrator.tick.showing import show_consents, show_tasks

if TYPE_CHECKING:
    from orchestrator.flow.graph import Node
    from orchestrator.tick.context import Tick
    from orchestrator.tick.live_flow import LiveFlow

run, effect = workspace.run, workspace.effect
STEP = ("flow", "customer_id", "entry", "step")
HELD_OUT = frozenset(("add_to", "task", "start_flow", "webhook"))
"""What a control group is spared; the others only take away, or write what is known."""
ACTS = ("clicked", "replied")
"""Receipts that only a person makes."""


class Effects:
    """The words of a ``Walk`` for steps with effects."""

    if TYPE_CHECKING:
        tick: Tick
        live: LiveFlow
        node: Node
        customer: FromClause

        @property
        def here(self) -> ColumnElement[bool]: ...

        def scope(self) -> Scope: ...

    # --- words for kinds of step ------------------------------------------------------

    def change_list(self, head: str, name: str) -> None:
        """Put the customers of every run here on a list, or take them off."""
        self.log(head, literal(name))

    def change_consent(self, head: str, topic: str) -> None:
        """Write consent or its withdrawal for the customers of every run here."""
        withdrawn = head == "unsubscribe_from"
        refused = {} if withdrawn else {"no_act": ~self._has_acted(topic)}
        done = self.log(head, literal(topic), refused)
        columns: dict[str, Any] = {
            "customer_id": run.c.customer_id,
            "withdrawn": literal(int(withdrawn)),
            "at": literal(to_micros(self.tick.now)),
            "source": literal("flow"),
        }
        for one in self._topics(topic):
            named = {**columns, "topic": literal(one)}
            query = select(*named.values()).where(done)
            self.tick.execute(insert(workspace.consent).from_select(list(named), query))
        show_consents(self.tick)

    def give_task(self, text: str, assign_to: str | None, due: Duration | None) -> None:
        """Give a task about the customer of every run here."""
        done = self.log("task", literal(text))
        ends = None if due is None else to_micros(timing.plus(self.tick.now, due))
        columns: dict[str, Any] = {name: run.c[name] for name in STEP}
        columns |= {
            "occurrence": self.occurrence,
            "text": literal(text),
            "assign_to": literal(assign_to, exact_text()),
            "created_at": literal(to_micros(self.tick.now)),
            "due_at": literal(ends, workspace.task.c.due_at.type),
        }
        query = select(*columns.values()).where(done)
        self.tick.execute(insert(workspace.task).from_select(list(columns), query))
        show_tasks(self.tick)

    def tell_flow(self, flow: str, whom: Literal | None, values: Mapping[Name, Literal]) -> None:
        """See ``tellings.tell_flow``."""
        tellings.tell_flow(self, flow, whom, values)

    # --- what they are made of --------------------------------------------------------

    @property
    def occurrence(self) -> ColumnElement[str]:
        """Which round of a repeated step this is; 0 outside a repeat."""
        return occurrence(self.live, self.node)

    def log(
        self,
        kind: str,
        object: ColumnElement[str],
        refused: Mapping[str, ColumnElement[bool]] | None = None,
    ) -> ColumnElement[bool]:
        """Note an effect of every run here that has not had it; return those it is done for.

        Args:
            object: what it is about.
            refused: reason → for whom it is withheld, beside control groups and shadow.
        """
        self.tick.effects += 1
        columns: dict[str, Any] = {name: run.c[name] for name in STEP}
        columns |= {
            "occurrence": self.occurrence,
            "at": literal(to_micros(self.tick.now)),
            "kind": literal(kind),
            "object": object,
            "withheld": self._withheld(kind, refused or {}),
            "turn": literal(self.tick.effects),
        }
        customer = self.customer
        query = (
            select(*columns.values())
            .select_from(run.join(customer, customer.c.id == run.c.customer_id))
            .where(self.here, ~self._had())
        )
        self.tick.execute(insert(effect).from_select(list(columns), query))
        logged = select(effect.c.flow).where(
            _same_step(effect), effect.c.turn == self.tick.effects, effect.c.withheld.is_(None)
        )
        return and_(self.here, exists(logged.correlate(run)))

    def _had(self) -> ColumnElement[bool]:
        """Return whether this occurrence of the step was logged before."""
        return or_(
            *(
                exists(
                    select(rows.c.flow)
                    .where(_same_step(rows), rows.c.occurrence == self.occurrence)
                    .correlate(run)
                )
                for rows in (aliased(tables.effect), aliased(effect))
            )
        )

    def _withheld(
        self, kind: str, refused: Mapping[str, ColumnElement[bool]]
    ) -> ColumnElement[Any]:
        if self.live.is_shadow:
            return literal("shadow", exact_text())
        whens = []
        if kind in HELD_OUT:
            scope = self.scope()
            shares = [
                scope.in_share(holdout.seed or seed, holdout.share)
                for seed, holdout in holdouts(self.tick.playbook, self.live.flow)
            ]
            whens += [(or_(*shares), literal("holdout"))] if shares else []
        whens += [(test, literal(reason)) for reason, test in refused.items()]
        return case(*whens, else_=null()) if whens else literal(None, exact_text())

    def _topics(self, topic: str) -> list[str]:
        topics = self.tick.playbook.catalog.topics or {}
        if topic != EVERY_TOPIC:
            return [topic]
        return [str(name) for name, one in topics.items() if one.purpose == "marketing"]

    def _has_acted(self, topic: str) -> ColumnElement[bool]:
        """Return whether the customer did something in this run, and has not withdrawn since.

        The event that started the run counts, later ones of the catalog, and clicks in and
        replies to messages of the run. An import's withdrawal is none of the customer's acts.
        """
        scope = self.scope()
        withdrawn = aliased(scope.facts.consents)
        latest = select(withdrawn.c.customer_id).where(
            withdrawn.c.customer_id == run.c.customer_id,
            withdrawn.c.topic.in_(self._topics(topic)),
            withdrawn.c.withdrawn == 1,
            withdrawn.c.source != "import",
            withdrawn.c.at <= scope.now_micros,
        )
        events, receipts = aliased(tables.event), aliased(tables.receipt)
        since = events.c.occurred_at > run.c.entry_at
        if any(isinstance(start, DidStart) for start in self.live.flow.starts_when):
            started = and_(
                events.c.id == run.c.entry_event_id, events.c.occurred_at == run.c.entry_at
            )
            since = or_(since, started)
        done = select(events.c.id).where(
            events.c.name.in_(sorted(map(str, self.tick.playbook.catalog.events or {}))),
            events.c.customer_id == run.c.customer_id,
            events.c.occurred_at <= scope.now_micros,
            since,
            ~exists(latest.where(withdrawn.c.at >= events.c.occurred_at).correlate(run, events)),
        )
        answered = select(receipts.c.id).where(
            receipts.c.kind.in_(ACTS),
            receipts.c.customer_id == run.c.customer_id,
            receipts.c.at > run.c.entry_at,
            receipts.c.at <= scope.now_micros,
            messages.answers_run(scope, receipts),
            ~exists(latest.where(withdrawn.c.at >= receipts.c.at).correlate(run, receipts)),
        )
        return or_(exists(done.correlate(run)), exists(answered.correlate(run, self.customer)))


def _same_step(rows: FromClause) -> ColumnElement[bool]:
    return and_(*(rows.c[name] == run.c[name] for name in STEP))
