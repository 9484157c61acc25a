"""The whole way from decisions to rendered lines, beside a bare loop of ``template.render``."""

from __future__ import annotations

import gc
import tempfile
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.programme import opened
from bench.shop import NOW
from jinja2 import Template
from sqlalchemy import Engine

from orchestrator.orders import Printer
from orchestrator.playbook.model import Playbook
from orchestrator.records import Rendered, RenderFailure, Send
from orchestrator.render.plans import Plan, Planner
from orchestrator.render.renderer import Renderer
from orchestrator.telling import _order as order_of
from orchestrator.telling import decision_lines
from orchestrator.tick.context import Tick
from orchestrator.tick.results import decisions
from orchestrator.tick.run import TickPlan, dry_run

MOST = 20_000
ROUNDS = 2
"""Sends rendered on either side."""


class Keeping(Renderer):
    """A renderer that keeps the sends it is asked to render."""

    def __init__(self, playbook: Playbook) -> None:
        super().__init__(playbook)
        self.kept: list[Send] = []

    def render(self, send: Send) -> Rendered | RenderFailure:
        self.kept.append(send)
        return super().render(send)


def measure(engine: Engine) -> tuple[float, float, int]:
    """Return sends a second of ``decision_lines``, of the bare loop, and how many they were.

    The bare loop gets the names of every message ready-made and renders the same compiled
    templates; ours sorts and reads decisions, loads customers and events, guards against
    what templates may print, and tells the refused ones too. Nothing is masked: masking
    would render every message twice.
    """
    ours = bare = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        playbook = opened(Path(folder))
        with dry_run(engine, TickPlan(playbook, NOW)) as ticked:
            sends = _sends(ticked.tick)
            for _ in range(ROUNDS):
                ready = _ready(playbook, sends)
                gc.collect()
                begun = perf_counter()
                lines = (line for line in decision_lines(ticked.tick, None))
                told = sum(1 for _ in islice((ln for ln in lines if ln.text), len(ready)))
                ours = min(ours, perf_counter() - begun)
                assert told == len(ready)
                gc.collect()
                begun = perf_counter()
                for templates, names in ready:
                    for template in templates:
                        template.render(names)
                bare = min(bare, perf_counter() - begun)
    return len(ready) / ours, len(ready) / bare, len(ready)


def _sends(tick: Tick) -> list[Send]:
    """Return the first sends of a tick, everything loaded that their templates read."""
    keeping = Keeping(tick.playbook)
    printer = Printer(tick.connection, tick.playbook, keeping)
    for batch in decisions(tick):
        printer.print([order_of(row) for row in batch if row.decision == "send"])
        if len(keeping.kept) >= MOST:
            break
    return keeping.kept


def _ready(playbook: Playbook, sends: list[Send]) -> list[tuple[list[Template], dict[str, Any]]]:
    """Return the templates of each send, compiled, with the names they see.

    Nothing is remembered of an earlier round: each writes its dates and amounts anew.
    """
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
    return ready
