"""The whole way from decisions to rendered lines, beside a bare loop of ``template.render``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.programme import opened
from bench.shop import NOW
from jinja2 import Template
from sqlalchemy import Engine

from orchestrator.playbook.model import Playbook
from orchestrator.records import Send
from orchestrator.render.mask import Masking
from orchestrator.render.plans import Plan, Planner
from orchestrator.render.renderer import Renderer
from orchestrator.telling import decision_lines
from orchestrator.tick.run import TickPlan, dry_run

MOST = 20_000
"""Sends rendered on either side."""


class Kept(Masking):
    """Masks like any preview, and keeps the sends it was asked about."""

    def __init__(self, playbook: Playbook) -> None:
        super().__init__(playbook)
        self.sends: list[Send] = []

    def hides(self, names: frozenset[str]) -> bool:
        return True

    def send(self, send: Send) -> Send:
        self.sends.append(send)
        return super().send(send)


def measure(engine: Engine) -> tuple[float, float, int]:
    """Return sends a second of ``decision_lines``, of the bare loop, and how many they were.

    The bare loop gets the names of every message ready-made and renders the same compiled
    templates once; ours loads customers and events, renders, renders every subject again for
    the masked customer, and tells the refused ones too.
    """
    with tempfile.TemporaryDirectory() as folder:
        playbook = opened(Path(folder))
        kept = Kept(playbook)
        with dry_run(engine, TickPlan(playbook, NOW)) as ticked:
            begun = perf_counter()
            for told, line in enumerate(decision_lines(ticked.tick, kept, whole=6), 1):
                if (line.decision == "send" and len(kept.sends) >= MOST) or told >= 4 * MOST:
                    break
            ours = perf_counter() - begun
        sends = kept.sends
        renderer, planner = Renderer(playbook), Planner(playbook)
        plans: dict[tuple[str, str, str | None, str, str], Plan] = {}
        ready: list[tuple[list[Template], dict[str, Any]]] = []
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
        begun = perf_counter()
        for templates, names in ready:
            for template in templates:
                template.render(names)
        bare = perf_counter() - begun
    return len(sends) / ours, len(sends) / bare, len(sends)
