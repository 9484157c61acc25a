"""Hiding personal values in previews: enough stays to recognise, not enough to know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from orchestrator.channels.spec import CHANNELS
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import CustomerFacts, Send
from orchestrator.render.context import stored_attributes

MASK = "***"
ADDRESSES = frozenset(("email", "phone", "push_token"))


def mask_address(kind: str, address: str) -> str:
    """Return an address with all but its edges hidden: ``a***@e***.com``, ``+62***89``.

    Args:
        kind: ``email``, ``phone`` or ``push_token``, or the channel that uses it.
    """
    kind = (CHANNELS[kind].address or kind) if kind in CHANNELS else kind
    if kind == "email" and "@" in address:
        local, _, domain = address.rpartition("@")
        name, dot, top = domain.rpartition(".")
        return f"{local[:1]}{MASK}@{(name or top)[:1]}{MASK}{dot}{top if name else ''}"
    if kind == "phone":
        lead = 3 if address.startswith("+") else 2
        return f"{address[:lead]}{MASK}{address[-2:]}" if len(address) > lead + 4 else MASK
    return f"{address[:3]}{MASK}" if kind == "push_token" and len(address) > 8 else MASK


def mask_value(value: Any) -> Any:
    """Return a value of the same type that tells nothing but, for a text, its first letter."""
    match value:
        case str():
            return f"{value[:1]}{MASK}"
        case bool():
            return False
        case int() | float() | Decimal():
            return Decimal(0)
        case datetime():
            return datetime(2000, 1, 1, tzinfo=UTC)
        case date():
            return date(2000, 1, 1)
        case list() | tuple():
            return [MASK] if value else []
        case dict():
            return {key: mask_value(item) for key, item in value.items()}
        case _:
            return value


class Masking:
    """Masks customers before they are rendered, so that no preview can show what is hidden."""

    def __init__(self, playbook: Playbook) -> None:
        self._personal = frozenset(
            name for name, one in stored_attributes(playbook).items() if one.personal
        )
        self._hidden = self._personal | ADDRESSES

    def hides(self, names: frozenset[str]) -> bool:
        """Return whether a message that reads these names of a customer may show hidden ones."""
        return "*" in names or not names.isdisjoint(self._hidden)

    def send(self, send: Send) -> Send:
        """Return the send for a masked customer."""
        return replace(send, customer=self.customer(send.customer))

    def customer(self, facts: CustomerFacts) -> CustomerFacts:
        """Return the customer with addresses and ``personal: true`` attributes masked."""
        attributes = facts.attributes
        if not self._personal.isdisjoint(attributes):
            attributes = {
                name: mask_value(value) if name in self._personal else value
                for name, value in attributes.items()
            }
        return replace(
            facts,
            email=_masked("email", facts.email),
            phone=_masked("phone", facts.phone),
            push_token=_masked("push_token", facts.push_token),
            attributes=attributes,
        )


def _masked(kind: str, address: str | None) -> str | None:
    return mask_address(kind, address) if address else address
