"""The whole way from decisions to rendered lines, beside a bare loop of ``template.render``."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from bench.bare import bare_templates
from bench.programme import opened
from bench.shop import NOW
from jinja2 import Template
from sqlalchemy import Engine

from orchestrator.orders import Printer
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Send
from orchestrator.render.plans import Plan, Planner
from orchestrator.render.renderer import Renderer
from orchestrator.telling import decision_lines
from orchestrator.tick.context import Tick
from orchestrator.tick.results import decisions
from orchestrator.tick.run import TickPlan, dry_run

MOST = 20_000
"""Sends rendered on either side, and then to the end of the batch."""
ROUNDS = 3
Ready = list[tuple[list[Template], dict[str, Any]]]
"""The templates of each send, with the names they see."""


class Rates(NamedTuple):
    """Sends a second of ``decision_lines``, and of two loops that do nothing but render."""

    ours: float
    bare: float
    """Jinja's own environment over the same texts."""
    compiled: float
    """The templates as the product compiles them: quicker to read a name, and guarded."""
    sends: int


def measure(engine: Engine) -> Rates:
    """Return the rates, best of some rounds by turns.

    The loops get the names of every message ready-made; ours sorts and reads decisions, loads
    customers and events, guards against what templates may print, and tells the refused ones
    too. Nothing is masked: masking would render every message twice.
    """
    ours = bare = compiled = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        playbook = opened(Path(folder))
        with dry_run(engine, TickPlan(playbook, NOW)) as ticked:
            sends = _sends(ticked.tick)
            for _ in range(ROUNDS):
                ours = min(ours, _seconds(partial(_tell, ticked.tick, len(sends))))
                ready, plain = _ready(playbook, sends)
                compiled = min(compiled, _seconds(partial(_render, ready)))
                bare = min(bare, _seconds(partial(_render, plain)))
                del ready, plain
    count = len(sends)
    return Rates(count / ours, count / bare, count / compiled, count)


def _seconds(action: Callable[[], None]) -> float:
    gc.collect()
    begun = perf_counter()
    action()
    return perf_counter() - begun


def _tell(tick: Tick, count: int) -> None:
    lines = (line for line in decision_lines(tick, None) if line.text)
    assert sum(1 for _ in islice(lines, count)) == count


def _render(ready: Ready) -> None:
    for templates, names in ready:
        for template in templates:
            template.render(names)


def _sends(tick: Tick) -> list[Send]:
    """Return the first sends of a tick, everything loaded that their templates read."""
    printer = Printer(tick.connection, tick.playbook, Renderer(tick.playbook))
    kept: list[Send] = []
    for batch in decisions(tick):
        kept += (send for send, _ in printer.print([r for r in batch if r.decision == "send"]))
        if len(kept) >= MOST:
            break
    return kept


def _ready(playbook: Playbook, sends: list[Send]) -> tuple[Ready, Ready]:
    """Return what the loops render: the product's templates of each send, and Jinja's own."""
    renderer, planner = Renderer(playbook), Planner(playbook)
    plans: dict[tuple[str, str, str | None, str, str], Plan] = {}
    ready = []
    for send in sends:
        key = (send.message, send.channel, send.customer.locale, send.flow, send.step)
        if key not in plans:
            plans[key] = planner.plan(*key[:3], flow=send.flow, step=send.step)
        plan, names = plans[key], renderer.context_of(send)
        headers = {"subject": plan.subject, "preheader": plan.preheader}
        for name, template in headers.items():
            if template is not None:
                names["message"][name] = template.render(names)
        parts = (*headers.values(), plan.html, plan.text)
        ready.append(([part for part in parts if part is not None], names))
    own = bare_templates(planner)
    plain = [([own[template] for template in templates], names) for templates, names in ready]
    for templates, names in ready[:: len(ready) // 200 or 1]:
        assert all(one.render(names) == own[one].render(names) for one in templates)
    return ready, plain
