"""The loop: live ticks one after another, at instants that no clock has to reach.

This is the engine of ``clmctl simulate`` and of ``clmctl test``. Every tick is the production
tick (``tick.run.live_run``); what is virtual is its instant, and the database it writes to.
Rows later than a tick's instant do not exist for it (semantics 2), so facts that a database
holds already replay by themselves.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime

from sqlalchemy import Engine

from orchestrator.playbook.model import Playbook
from orchestrator.tick.observer import Observer
from orchestrator.tick.run import Ticked, TickPlan, live_run

Supply = Callable[[datetime], None]
"""Called before each tick with its instant: writes the facts that arrive by then."""


def nothing_new(now: datetime) -> None:
    """Supply no facts: those that are in the database replay by themselves."""


def play(
    engine: Engine,
    playbook: Playbook,
    instants: Iterable[datetime],
    supply: Supply = nothing_new,
    *,
    drafts: Collection[str] = (),
    observer: Observer | None = None,
) -> Iterator[Ticked]:
    """Run a live tick at each instant; each can be read until the next is asked for.

    Args:
        engine: over a throw-away database (``simulation.scratch``, ``database.memory_engine``),
            never the project's own: the ticks are written to it.
        instants: aware UTC, rising. One that is not after the watermark does nothing.
        supply: writes through ``engine`` in transactions of its own.
        drafts: flows that count as live although they are drafts.
        observer: looks on as each tick decides.
    """
    gc.freeze()  # the playbook and all modules stay: no need to look through them again
    for now in instants:
        supply(now)
        plan = TickPlan(playbook, now, drafts=drafts, observer=observer, counts=False)
        with live_run(engine, plan) as ticked:
            yield ticked
