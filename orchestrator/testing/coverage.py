"""Which conditions were ever true, ever false, and which steps were ever reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import func, select

from orchestrator import tables
from orchestrator.criteria.base import Condition, Criterion, leaves
from orchestrator.flow.graph import Node, graph
from orchestrator.language.marks import Mark
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.tick import workspace
from orchestrator.tick.context import LiveFlow, Tick


class Gap(NamedTuple):
    """Something of a flow that no test has shown."""

    flow: str
    mark: Mark
    says: str


@dataclass
class Coverage:
    """What some tests have shown of their flows."""

    flows: dict[str, Flow] = field(default_factory=dict)
    reached: set[tuple[str, str]] = field(default_factory=set)
    """(flow, step)."""
    answered: set[tuple[Mark, bool]] = field(default_factory=set)
    """Conditions by their place, with the answers they gave."""
