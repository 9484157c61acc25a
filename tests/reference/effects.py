"""Effects (semantics 47, 48, 59)."""

from __future__ import annotations

from reference.conditions import answers_send
from reference.gate import held_out
from reference.state import Effect, EffectKey, Passage, Telling, Tick
from reference.view import View
from reference.world import ConsentAct, Happening

from orchestrator.flow.base import Step
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.steps.consent import Subscription
from orchestrator.flow.steps.lists import Membership
from orchestrator.flow.steps.repeat import Repeat
from orchestrator.flow.steps.start_flow import StartFlow
from orchestrator.flow.steps.task import Task
from orchestrator.language.literals import Reference


def raw_of(view: View, reference: Reference) -> str | None:
    if reference.root == "customer":
        key = (view.person.external_id, reference.name)
        return view.past.written.get(key, view.person.attributes.get(reference.name))
    event = view.run.event if view.run else None
    if reference.root != "entry":
        result = view.run.results.get(reference.root) if view.run else None
        event = result.event if result else None
    return event.properties.get(reference.name) if event else None


HELD_OUT = ("add_to", "task", "start_flow", "webhook")


def log_effect(
    work: Tick, passage: Passage, step: Step, about: str, refused: str | None = None
) -> bool:
    """Note an effect, once per occurrence of its step; say whether it is to be done."""
    flow = work.playbook.flows[passage.flow]
    key = effect_key(passage, step)
    if key in work.state.effects:
        return False
    person = work.world.person(passage.customer)
    withheld = refused
    if step.head in HELD_OUT and held_out(work, flow, person):
        withheld = "holdout"
    if flow.status == "shadow":
        withheld = "shadow"
    work.state.effects[key] = Effect(work.now, step.head, about, withheld)
    return withheld is None


def effect_key(passage: Passage, step: Step) -> EffectKey:
    rounds = any(isinstance(frame.step, Repeat) for frame in passage.frames)
    return EffectKey(
        passage.flow, passage.customer, passage.entry, str(step.id),
        str(passage.lap) if rounds else "0",
    )  # fmt: skip


def at_list(
    work: Tick, passage: Passage, step: Membership, variant: str | None, view: View
) -> None:
    log_effect(work, passage, step, step.operand)


def at_task(work: Tick, passage: Passage, step: Task, variant: str | None, view: View) -> None:
    log_effect(work, passage, step, step.operand)


def at_subscription(
    work: Tick, passage: Passage, step: Subscription, variant: str | None, view: View
) -> None:
    topics = work.playbook.catalog.topics or {}
    meant = [str(step.operand)]
    if step.operand == "any":
        meant = [str(name) for name, topic in topics.items() if topic.purpose == "marketing"]
    withdrawn = step.head == "unsubscribe_from"
    acted = withdrawn or _has_acted(work, passage, view, meant)
    if log_effect(work, passage, step, step.operand, None if acted else "no_act"):
        work.state.past.consents += [
            ConsentAct(passage.customer, topic, work.now, withdrawn) for topic in meant
        ]


def _has_acted(work: Tick, passage: Passage, view: View, topics: list[str]) -> bool:
    """Return whether the customer did something in this run, and no flow withdrew since."""
    starts = work.playbook.flows[passage.flow].starts_when
    started = passage.event if any(isinstance(one, DidStart) for one in starts) else None
    acts = [
        one.occurred_at
        for one in view.events
        if one.occurred_at > passage.at or (one == started and one.occurred_at == passage.at)
    ]
    mine = [
        sent
        for sent in view.past.sent
        if (sent.customer, sent.flow, sent.entry) == (passage.customer, passage.flow, passage.entry)
    ]
    acts += [
        receipt.at
        for receipt in view.world.receipts
        if receipt.customer == passage.customer
        and receipt.kind in ("clicked", "replied")
        and passage.at < receipt.at <= work.now
        and any(answers_send(receipt, sent) for sent in mine)
    ]
    withdrawals = [
        act.at
        for act in work.state.past.consents
        if act.customer == passage.customer and act.topic in topics and act.withdrawn and act.at
    ]
    return any(all(act > undone for undone in withdrawals) for act in acts)


def at_start_flow(
    work: Tick, passage: Passage, step: StartFlow, variant: str | None, view: View
) -> None:
    whom: str | None = passage.customer
    if step.for_ is not None:
        assert isinstance(step.for_.value, Reference)
        named = raw_of(view, step.for_.value)
        known = {person.external_id for person in work.world.people}
        whom = named if named in known else None
    if log_effect(work, passage, step, step.operand, None if whom else "nobody"):
        assert whom is not None
        number = f"told:{passage.flow}/{len(work.state.told)}"
        event = Happening(number, whom, f"told:{step.operand}", work.now)
        work.state.told.append(Telling(passage.flow, step.operand, event))
