"""Explaining an entry: a dry tick as far as one flow's entries, and questions about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from orchestrator.customers import customer_row
from orchestrator.errors import UsageError
from orchestrator.explain.case import Case
from orchestrator.playbook.model import Flow
from orchestrator.records.explained import Explained
from orchestrator.tick.context import Tick
from orchestrator.tick.flows_in_force import is_evaluated
from orchestrator.tick.keys import written_key
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.run import TickPlan, entries_of


@contextmanager
def explaining(
    engine: Engine, plan: TickPlan, flow: Flow, *, reveal: bool = False
) -> Iterator[Explainer]:
    """Evaluate a dry tick as far as a flow's entries; inside, ask why about customers.

    Raises:
        UsageError: the instant is before the latest live tick.
    """
    with entries_of(engine, plan, str(flow.flow)) as (tick, live):
        is_live = is_evaluated(plan, live.name, tick.paused)
        yield Explainer(tick, live, flow, is_live, reveal)


@dataclass(frozen=True)
class Explainer:
    """A dry tick that has decided the entries of one flow."""

    tick: Tick
    live: LiveFlow
    flow: Flow
    """As it is written, whatever its status."""
    is_live: bool
    """Whether a tick would evaluate the flow."""
    reveal: bool

    def explain(self, customer: str, key: str | None = None) -> Explained:
        """Return why a customer does or does not enter the flow at this tick.

        Args:
            customer: the external id, or an alias of it.
            key: the value of the flow's ``key`` to explain; None is the latest.
        Raises:
            NotFoundError: there is no such customer.
            UsageError: the flow has no key, or not one of that type.
        """
        return self.case(customer, key).explained()

    def case(self, customer: str, key: str | None = None) -> Case:
        """Return a customer's case; as ``explain``."""
        asked = self._asked(key) if key is not None else None
        return self._case(customer_row(self.tick.connection, customer), asked)

    def _case(self, row: Mapping[str, Any], key: str | None) -> Case:
        return Case(self.tick, self.live, self.flow, row, self.is_live, self.reveal, key)

    def _asked(self, key: str) -> str:
        if self.flow.key is None:
            raise UsageError(f'--key "{key}": {self.live.name} has no key', help="leave --key out")
        found = written_key(self.tick, self.live, key)
        if found is None:
            raise UsageError(f'--key "{key}" cannot be a value of {self.flow.key}')
        return found
