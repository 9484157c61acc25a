"""Who looks on as a tick decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sqlalchemy import ColumnElement

from orchestrator.criteria.base import Criterion
from orchestrator.criteria.scope import Scope

if TYPE_CHECKING:
    from orchestrator.tick.context import Tick
    from orchestrator.tick.walk import Walk


class Observer(Protocol):
    """Told of a tick's decisions as they are made; it must change nothing."""

    def entered(self, tick: Tick) -> None:
        """Called when the entries are decided, before any run moves."""

    def stepped(self, walk: Walk) -> None:
        """Called with the runs that are about to do one step."""

    def asked(
        self, tick: Tick, criterion: Criterion, scope: Scope, here: ColumnElement[bool]
    ) -> None:
        """Called before runs are asked what may take them from where they are.

        Args:
            scope: over ``workspace.run``.
            here: which of these runs are asked.
        """
