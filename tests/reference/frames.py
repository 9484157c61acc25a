"""``until`` and ``repeat`` (semantics 46)."""

from __future__ import annotations

from datetime import datetime

from reference.conditions import holds
from reference.leaving import note_decision
from reference.state import Frame, Passage, Tick, Todo
from reference.view import View

from orchestrator import timing
from orchestrator.flow.steps.repeat import Repeat
from orchestrator.flow.steps.until import Until


def look_around(work: Tick, passage: Passage) -> None:
    """Look, once per tick, at the conditions around a run, and let a wait be asked again."""
    passage.asks = True
    is_stopped(work, passage, passage.frames if passage.standing is not None else ())


def is_stopped(work: Tick, passage: Passage, around: tuple[Frame, ...]) -> bool:
    """Take the run out of the outermost frame whose condition holds; say whether there is one."""
    for frame in around:
        if _is_met(work, passage, frame):
            _drop(work, passage, frame)
            return True
    return False


def _is_met(work: Tick, passage: Passage, frame: Frame) -> bool:
    step = frame.step
    until = step.operand if isinstance(step, Until) else step.operand.until
    view = work.view(passage.customer, passage.flow, passage.facts())
    return until is not None and holds(until, view)


def _drop(work: Tick, passage: Passage, frame: Frame) -> None:
    if passage.held_reason is not None:
        note_decision(work, passage, "suppress", "only_if", detail=str(frame.step.id))
        passage.held_reason = None
    passage.standing = None
    step = frame.step
    if_met = (step.if_met if isinstance(step, Until) else step.operand.if_met) or ()
    rest = [todo for todo in passage.todo if frame not in todo.frames]
    passage.todo = [*(Todo(inner, frame.variant, frame.outer) for inner in if_met), *rest]


def at_until(work: Tick, passage: Passage, step: Until, variant: str | None, view: View) -> None:
    frames = (*passage.frames, Frame(step, variant, passage.frames))
    passage.todo[:0] = [Todo(inner, variant, frames) for inner in step.do]


def at_repeat(work: Tick, passage: Passage, step: Repeat, variant: str | None, view: View) -> None:
    pause_frame(work, passage, Frame(step, variant, passage.frames), work.now)


def end_round(work: Tick, passage: Passage, frame: Frame) -> None:
    assert isinstance(frame.step, Repeat) and frame.began is not None
    rounds = frame.step.operand
    if frame.number >= rounds.at_most:
        return
    view = work.view(passage.customer, passage.flow, passage.facts())
    every = rounds.every[min(frame.number, len(rounds.every)) - 1]
    due = timing.wait_until(frame.began, every, view.zone)
    pause_frame(work, passage, frame, max(due, work.now))


def pause_frame(work: Tick, passage: Passage, frame: Frame, due: datetime) -> None:
    """Begin the next round, or wait for it, unless the rounds are over."""
    assert isinstance(frame.step, Repeat)
    passage.frames = (*frame.outer, frame)
    if _is_met(work, passage, frame):
        _drop(work, passage, frame)
    elif due > work.now:
        passage.standing, passage.due_at = frame.step, due
    else:
        frame.number, frame.began = frame.number + 1, work.now
        passage.lap += 1
        inner = [Todo(one, frame.variant, passage.frames) for one in frame.step.operand.do]
        passage.todo[:0] = [*inner, Todo(None, frame.variant, passage.frames)]
