"""Lists for advertisers by the clock: beside a planner, and after a single wake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from orchestrator.app.beside import beside
from orchestrator.app.delivery import kill_file

if TYPE_CHECKING:
    from orchestrator.scheduler.exporting import Exporter
    from orchestrator.scheduler.planner import Planner

LOOKED_EVERY = 10.0
"""Seconds between two looks at whether a list is due."""


@contextmanager
def exporting_beside(planner: Planner, stop: Event) -> Iterator[None]:
    """Write lists in a thread of its own for as long as this scheduler is the one that plans."""

    def export() -> None:
        exporter = _exporter(planner)
        while not stop.is_set():
            playbook = planner.files.playbook
            if playbook is not None and planner.is_in_charge:
                exporter.look(playbook, planner.clock())
            stop.wait(LOOKED_EVERY)

    with beside(planner, stop, export):
        yield


def export_once(planner: Planner) -> None:
    """Write the lists that are due after a wake."""
    if planner.files.playbook is not None:
        _exporter(planner).look(planner.files.playbook, planner.clock())


def _exporter(planner: Planner) -> Exporter:
    from orchestrator.delivery.switch import Switch
    from orchestrator.scheduler.exporting import Exporter

    folder = planner.files.folder
    return Exporter(planner.engine, folder, planner.voice, Switch(kill_file(folder)))
