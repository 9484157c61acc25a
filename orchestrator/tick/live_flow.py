"""A flow as one tick sees it: in the version its runs walk, with what is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_

from orchestrator.flow.graph import Graph
from orchestrator.playbook.model import Flow
from orchestrator.tick.workspace import run


class Place(NamedTuple):
    """A step of one version of a flow."""

    flow: str
    version: str
    step: str


@dataclass(frozen=True)
class LiveFlow:
    """A flow this tick evaluates, with what is remembered of it."""

    flow: Flow
    graph: Graph
    live_since: datetime
    is_first: bool
    """Whether this tick is the first that sees it live."""
    seen_at: datetime | None
    """The latest live tick that evaluated the flow; None before the first."""
    entry_types: Mapping[str, str]
    """Type of each property that ``entry`` may have."""
    result_types: Mapping[str, Mapping[str, str]]
    """Step id → type of each property that its result may have."""

    version: str = ""
    """The release of an earlier version that runs are pinned to; '' for the flow of today."""
    releases: tuple[str, ...] = ()
    """The releases in which the flow was this earlier version."""

    @property
    def name(self) -> str:
        return str(self.flow.flow)

    @cached_property
    def walkers(self) -> ColumnElement[bool]:
        """The runs of this tick that walk this version of the flow."""
        return and_(run.c.flow == self.name, run.c.version == self.version)

    def place(self, step: str) -> Place:
        """Return the place that a step of this version is."""
        return Place(self.name, self.version, step)

    @property
    def is_shadow(self) -> bool:
        """Whether every effect of the flow is withheld (semantics 59)."""
        return self.flow.status == "shadow"
