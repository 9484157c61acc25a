"""What the language knows of each channel, without any adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AddressKind = Literal["email", "phone", "push_token"]


@dataclass(frozen=True)
class ChannelSpec:
    """One channel a message can be sent on."""

    name: str
    address: AddressKind | None
    """The customer column that holds the address; None: reaches every customer."""
    covered: bool
    """Whether a topic without ``channels`` covers it (semantics 52)."""
    formats: tuple[str, ...]
    """Template formats, the first one present is the body; ``txt`` beside html is its text."""


WEBHOOK = "webhook"
"""What the ledger calls the channel of calls. It is none that a message can be sent on."""

CHANNELS: dict[str, ChannelSpec] = {
    spec.name: spec
    for spec in (
        ChannelSpec("email", "email", covered=True, formats=("html", "md", "txt")),
        ChannelSpec("sms", "phone", covered=False, formats=("txt",)),
        ChannelSpec("whatsapp", "phone", covered=False, formats=("txt", "json")),
        ChannelSpec("push", "push_token", covered=True, formats=("txt", "json")),
        ChannelSpec("onsite", None, covered=True, formats=("html", "md", "txt", "json")),
    )
}
