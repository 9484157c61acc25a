"""Events that flows write themselves, under names that no catalog and no import can use.

``start_flow`` writes ``told:<the flow it starts>`` about the customer that is told, and an
answer to a webhook is ``answer:<webhook>``.
"""

from __future__ import annotations

TOLD, ANSWER = "told:", "answer:"
RESERVED = (TOLD, ANSWER)


def told_event(flow: str) -> str:
    """Return the event that starts a flow which is told by others."""
    return f"{TOLD}{flow}"


def answer_event(webhook: str) -> str:
    """Return the event that an answer of a webhook is kept as."""
    return f"{ANSWER}{webhook}"


def told_source(flow: str) -> str:
    """Return how the source ids of everything that a flow tells begin."""
    return f"{TOLD}{flow}/"


def answer_source(flow: str) -> str:
    """Return how the source ids of all answers to a flow's calls begin."""
    return f"{ANSWER}{flow}/"


def is_reserved(event: str) -> bool:
    """Return whether only flows themselves may write events of that name."""
    return event.startswith(RESERVED)
