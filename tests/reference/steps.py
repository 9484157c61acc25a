"""Steps, one after the other, for each customer (semantics 27-29, 41-47)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from reference.calls import at_webhook, await_answer
from reference.conditions import ending, holds
from reference.effects import at_list, at_start_flow, at_subscription, at_task, log_effect, raw_of
from reference.facts import attribute_type, attribute_value
from reference.frames import at_repeat, at_until, end_round, is_stopped, pause_frame
from reference.gate import Gate
from reference.leaving import active_passages, end_passage, leave_if_due
from reference.state import NINE, Passage, Tick, Todo
from reference.view import Result, View
from reference.world import bucket

from orchestrator import openings, timing
from orchestrator.flow.base import weekday_numbers
from orchestrator.flow.steps.branch import Branch
from orchestrator.flow.steps.consent import Subscription
from orchestrator.flow.steps.exit import Exit
from orchestrator.flow.steps.lists import Membership
from orchestrator.flow.steps.repeat import Repeat
from orchestrator.flow.steps.send import Send
from orchestrator.flow.steps.set import Add, Set
from orchestrator.flow.steps.split import Split
from orchestrator.flow.steps.start_flow import StartFlow
from orchestrator.flow.steps.task import Task
from orchestrator.flow.steps.until import Until
from orchestrator.flow.steps.wait import Wait
from orchestrator.flow.steps.wait_for_time import WaitForTime
from orchestrator.flow.steps.wait_until import WaitUntil
from orchestrator.flow.steps.wait_until_date import WaitUntilDate
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.language.literals import Literal, Reference


def play_rounds(work: Tick) -> None:
    tried: set[tuple[str, str, int, int, int]] = set()
    while True:
        for passage in active_passages(work):
            _walk(work, passage)
        waiting = [one for one in active_passages(work) if isinstance(one.standing, Send)]
        untried = [one for one in waiting if _try_key(one) not in tried]
        if not untried:
            return
        tried |= {_try_key(one) for one in untried}
        Gate(work, untried).decide()


def _try_key(passage: Passage) -> tuple[str, str, int, int, int]:
    return passage.flow, passage.customer, passage.entry, id(passage.standing), passage.lap


def _walk(work: Tick, passage: Passage) -> None:
    """Move a run through its steps until it waits, ends or stands at a send."""
    while passage.active:
        if isinstance(passage.standing, Send):
            return
        if isinstance(passage.standing, WaitUntil | Webhook):
            if not passage.asks:
                return
            _ask_again(work, passage, passage.standing)
            continue
        if passage.standing is not None:
            assert passage.due_at is not None
            if passage.due_at > work.now:
                return
            pause, passage.standing = passage.standing, None
            if isinstance(pause, Repeat):
                if not leave_if_due(work, passage):
                    pause_frame(work, passage, passage.frames[-1], work.now)
                continue
        if not passage.todo:
            end_passage(work, passage, "completed")
            return
        if leave_if_due(work, passage):
            return
        _do(work, passage, passage.todo.pop(0))


def _do(work: Tick, passage: Passage, todo: Todo) -> None:
    """Do the next step, or end a round, unless a condition around it stops it."""
    step, variant, passage.frames = todo
    around = passage.frames if step else passage.frames[:-1]
    if is_stopped(work, passage, around):
        return
    if step is None:
        end_round(work, passage, passage.frames[-1])
        return
    view = work.view(passage.customer, passage.flow, passage.facts())
    if holds(step.only_if, view):
        STEPS[type(step)](work, passage, step, variant, view)


def _at_wait_until(
    work: Tick, passage: Passage, step: WaitUntil, variant: str | None, view: View
) -> None:
    passage.standing, passage.asks, passage.variant = step, False, variant
    passage.due_at = timing.plus(work.now, step.at_most)
    _ask(work, passage, step, view)


def _ask_again(work: Tick, passage: Passage, step: WaitUntil | Webhook) -> None:
    passage.asks = False
    if leave_if_due(work, passage):
        return
    if isinstance(step, Webhook):
        await_answer(work, passage, step)
        return
    view = work.view(passage.customer, passage.flow, passage.facts())
    if holds(step.only_if, view):
        _ask(work, passage, step, view)
    else:
        passage.standing = None


def _ask(work: Tick, passage: Passage, step: WaitUntil, view: View) -> None:
    assert passage.due_at is not None
    if holds(step.operand, view):
        event = ending(step.operand, view)
        result = Result(event.occurred_at if event else work.now, event=event)
        way = step.if_met
    elif passage.due_at <= work.now:
        result, way = Result(work.now, timed_out=True), step.if_timed_out
    else:
        return
    passage.results[str(step.id)] = result
    passage.standing = None
    passage.todo[:0] = [Todo(inner, passage.variant, passage.frames) for inner in way or ()]


def _at_date(
    work: Tick, passage: Passage, step: WaitUntilDate, variant: str | None, view: View
) -> None:
    value = attribute_value(view, step.operand)
    due = None if value is None else _date_due(step, value, view)
    if due is not None and due >= work.now:
        passage.standing, passage.due_at = step, due
    elif step.if_past == "exit":
        end_passage(work, passage, "step", "if_past")
    elif step.if_past == "skip_next":
        passage.todo.pop(0)


def _date_due(step: WaitUntilDate, value: Any, view: View) -> datetime:
    at, day = step.at or NINE, value
    if isinstance(value, datetime):
        if step.before is None and step.after is None and step.at is None:
            return value
        local = value.astimezone(view.zone)
        at, day = step.at or local.time(), local.date()
    if step.before is not None:
        day = timing.shift_days(day, step.before, -1)
    if step.after is not None:
        day = timing.shift_days(day, step.after, +1)
    return timing.local_instant(day, at, view.zone)


def _at_send(work: Tick, passage: Passage, step: Send, variant: str | None, view: View) -> None:
    passage.standing = step
    passage.variant = variant
    passage.reached_at = work.now
    passage.held_reason = None
    passage.held_until = None


def _at_wait(work: Tick, passage: Passage, step: Wait, variant: str | None, view: View) -> None:
    due = timing.wait_until(work.now, step.operand, view.zone)
    if step.then_between is not None or step.on_days is not None:
        slot = openings.Slot(step.then_between, weekday_numbers(step.on_days))
        due = slot.opens_next(due, view.zone) or timing.LATEST
    passage.standing = step
    passage.due_at = due


def _at_wait_for_time(
    work: Tick, passage: Passage, step: WaitForTime, variant: str | None, view: View
) -> None:
    zone = view.zone
    if step.timezone not in (None, "customer"):
        zone = timing.zone_or(step.timezone, view.project_zone)[0]
    slot = openings.Slot(step.operand, weekday_numbers(step.on_days))
    passage.standing = step
    passage.due_at = slot.opens_next(work.now, zone) or timing.LATEST


def _at_branch(work: Tick, passage: Passage, step: Branch, variant: str | None, view: View) -> None:
    way = next((way.do for way in step.operand if holds(way.if_, view)), step.otherwise or ())
    passage.todo[:0] = [Todo(inner, variant, passage.frames) for inner in way]


def _at_split(work: Tick, passage: Passage, step: Split, variant: str | None, view: View) -> None:
    seed = step.seed or f"split:{passage.flow}/{step.id}"
    place = bucket(view.person.base, seed)
    upper = Decimal(0)
    for name, share in step.operand.items():
        upper += share.share * 10_000
        if place < upper:
            inside = f"{step.id}/{name}"
            inner = [Todo(one, inside, passage.frames) for one in share.do or ()]
            passage.todo[:0] = inner
            return


def _at_set(work: Tick, passage: Passage, step: Set, variant: str | None, view: View) -> None:
    if work.playbook.flows[passage.flow].status == "shadow":
        log_effect(work, passage, step, ", ".join(map(str, step.operand)))
        return
    for name, value in step.operand.items():
        key = (passage.customer, str(name))
        work.state.past.written[key] = _new_value(view, str(name), value)  # type: ignore[assignment]  # typed by its attribute


def _new_value(view: View, name: str, value: Literal | Add) -> str | None:
    if isinstance(value, Add):
        present = attribute_value(view, name)
        whole = Decimal(0) if present is None else Decimal(str(present))
        if present is not None and attribute_type(view, name) == "money":
            whole = Decimal(present) / 10_000
        return format(whole + value.add, "f")
    if isinstance(value.value, Reference):
        return raw_of(view, value.value)
    return value.text


def _at_exit(work: Tick, passage: Passage, step: Exit, variant: str | None, view: View) -> None:
    end_passage(work, passage, "step", step.operand)


STEPS: dict[type, Callable[..., None]] = {
    Webhook: at_webhook,
    Membership: at_list,
    Task: at_task,
    Subscription: at_subscription,
    StartFlow: at_start_flow,
    WaitUntil: _at_wait_until,
    WaitUntilDate: _at_date,
    Until: at_until,
    Repeat: at_repeat,
    Send: _at_send,
    Wait: _at_wait,
    WaitForTime: _at_wait_for_time,
    Branch: _at_branch,
    Split: _at_split,
    Set: _at_set,
    Exit: _at_exit,
}
