"""Why one customer does or does not enter one flow, and where the customer stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ExplainedLeaf:
    """One condition, asked about one customer."""

    path: str
    """Where it stands in the flow: ``audience.any.0``; a segment's own conditions stand
    below its name, ``audience.0.vip.1``."""
    says: str
    """What is asked of the customer; under ``none:`` and in ``exits_when`` the opposite."""
    holds: bool
    """Whether it helps the customer to enter."""
    actual: str | None
    """What was found: ``is 64.00``, ``never``."""
    nearest: str | None
    """The smallest change that would flip it: ``needs 36.00 more``, ``on 9 March``."""
    at: str
    """``playbooks/win_back.yaml:4``."""
    reason: str | None = None
    """The entry reason code that a tick gives where this does not hold (semantics 61)."""


@dataclass(frozen=True, slots=True)
class KeyedRun:
    """Where a customer stands in a flow under one value of its ``key``."""

    key: str | None
    """As the event that began the run has it; None of a run from before the flow had a key."""
    state: Mapping[str, Any]
    next: str | None


@dataclass(frozen=True, slots=True)
class RunMessage:
    """One message of a run, as it stands."""

    step: str
    channel: str | None
    """None of a send that a tick decided against before it chose one."""
    state: str
    at: datetime
    """Since when."""
    why: str | None
    """A reason code, or what the provider said."""
    not_before: datetime | None = None
    """``queued``: not tried earlier."""
    id: int | None = None
    """In the ledger; None if it never came there."""


@dataclass(frozen=True, slots=True)
class Explained:
    """Why one customer does or does not enter one flow."""

    customer: str
    flow: str
    enters: bool
    conditions: Sequence[ExplainedLeaf]
    state: Mapping[str, Any] = field(default_factory=dict)
    """The customer's standing in the flow: ``{"step": …, "entry": 1}``; empty if none."""
    messages: Sequence[RunMessage] = ()
    """Of the run that ``state`` is about, in the order of its steps."""
    next: str | None = None
    """What will happen next, as a sentence."""
    waits_for: Sequence[ExplainedLeaf] = ()
    """What lets an active run go on, or holds its send; ``holds`` is what is true now."""
    key: str | None = None
    """Of a flow with ``key``: the value that all of this is about."""
    others: Sequence[KeyedRun] = ()
    """The latest run under each other key, the newest first; the first few of them."""
    keys: int = 0
    """Under how many values of the flow's ``key`` the customer ever was in it."""
