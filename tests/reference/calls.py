"""Calls (semantics 49)."""

from __future__ import annotations

from datetime import datetime

from reference.effects import effect_key, log_effect
from reference.leaving import end_passage
from reference.state import DEFAULT_EXPIRY, Call, Decision, EffectKey, Passage, State, Tick
from reference.view import Result, View
from reference.world import Happening
from replies import FAILURE, reply

from orchestrator import timing
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.playbook.model import Flow
from orchestrator.playbook.walk import steps_of


def at_webhook(
    work: Tick, passage: Passage, step: Webhook, variant: str | None, view: View
) -> None:
    key = effect_key(passage, step)
    if key not in work.state.effects:
        done = log_effect(work, passage, step, step.operand)
        if done:
            work.state.calls[key] = Call(step.operand, work.now, work.now, variant)
        _tell_call(work, key, step.operand, work.now, variant)
    if step.at_most is not None:
        passage.standing, passage.asks = step, False
        passage.due_at = timing.plus(work.now, step.at_most)
        await_answer(work, passage, step)


def _tell_call(
    work: Tick, key: EffectKey, webhook: str, reached: datetime, variant: str | None,
    detail: str | None = None,
) -> None:  # fmt: skip
    withheld = work.state.effects[key].withheld
    work.decisions.append(
        Decision(
            work.now, key.customer, key.flow, key.entry, key.step, webhook,
            "suppress" if withheld else "send", withheld, reached,
            None if withheld else "webhook", detail, variant,
        )
    )  # fmt: skip


def await_answer(work: Tick, passage: Passage, step: Webhook) -> None:
    """Go on with an answer, or without one that will not come; else stay."""
    key = effect_key(passage, step)
    call = work.state.calls.get(key)
    failed = call is not None and call.failed_at is not None and call.failed_at <= work.now
    result, why = Result(work.now), None
    assert passage.due_at is not None
    if call is not None and call.answer is not None and call.answer.occurred_at <= work.now:
        result = Result(call.answer.occurred_at, event=call.answer)
    elif call is None:
        pass  # it was withheld
    elif failed and step.if_it_fails != "retry":
        why = f"{step.operand} failed"
    elif passage.due_at <= work.now:
        result, why = Result(work.now, timed_out=True), f"{step.operand} did not answer"
    else:
        return
    if why is not None and step.if_it_fails == "exit":
        end_passage(work, passage, "step", why)
        return
    passage.results[str(step.id)] = result
    passage.standing = None


def call_again(work: Tick, live: list[Flow]) -> None:
    """Make the failed calls of steps that say ``retry`` again, while they are young."""
    steps = {(str(flow.flow), str(step.id)): step for flow in live for step in steps_of(flow)}
    for key, call in work.state.calls.items():
        step = steps.get((key.flow, key.step))
        if not isinstance(step, Webhook) or step.if_it_fails != "retry":
            continue
        since = timing.minus(work.now, step.at_most or DEFAULT_EXPIRY)
        failed = call.failed_at is not None and call.failed_at <= work.now
        if failed and min(call.made_at, call.reached_at) > since:
            call.generation, call.made_at = call.generation + 1, work.now
            call.heard, call.failed_at = False, None
            _tell_call(work, key, call.webhook, call.reached_at, call.variant, FAILURE)


def hear(state: State) -> None:
    """Let what becomes of the calls made so far be known."""
    for key, call in state.calls.items():
        found = None if call.heard else reply((*key, call.generation), call.made_at)
        call.heard = True
        if found is not None and found.failed:
            call.failed_at = found.at
        elif found is not None and call.answer is None:
            call.answer = Happening("", key.customer, f"answer:{call.webhook}", found.at)
