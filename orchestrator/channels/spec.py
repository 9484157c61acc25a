"""What the language knows of each channel, without any adapter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    attachments: bool = False
    """Whether it carries the files that a message attaches."""


WEBHOOK = "webhook"
"""What the ledger calls the channel of calls. It is none that a message can be sent on."""


AUDIENCE = "audience"
"""The channel of lists that advertisers are given. It is none either."""
SET_ONLY = (WEBHOOK, AUDIENCE)
"""What ``channels.yaml`` sets and no message is sent on."""


class Channels(Mapping[str, ChannelSpec]):
    """The channels that messages can be sent on: the language's own, and those that join.

    A channel of an installed package joins when a project's ``channels.yaml`` names its
    adapter, and stays: which packages are installed is a fact of the process, not of a project.
    """

    def __init__(self, specs: Iterable[ChannelSpec]) -> None:
        self._specs = {spec.name: spec for spec in specs}

    def join(self, spec: ChannelSpec) -> None:
        """Add the channel that an adapter brings; one that is there already changes nothing.

        Raises:
            ValueError: there is another channel of that name.
        """
        if self._specs.setdefault(spec.name, spec) != spec:
            raise ValueError(f'the channel "{spec.name}" is said to be {self[spec.name]} already')

    def __getitem__(self, name: str) -> ChannelSpec:
        return self._specs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


CHANNELS = Channels(
    (
        ChannelSpec(
            "email", "email", covered=True, formats=("html", "md", "txt"), attachments=True
        ),
        ChannelSpec("sms", "phone", covered=False, formats=("txt",)),
        ChannelSpec("whatsapp", "phone", covered=False, formats=("txt", "json")),
        ChannelSpec("push", "push_token", covered=True, formats=("txt", "json")),
        ChannelSpec("onsite", None, covered=True, formats=("html", "md", "txt", "json")),
        ChannelSpec("direct_mail", None, covered=False, formats=("txt",)),
        ChannelSpec("call_task", "phone", covered=False, formats=("txt",)),
        ChannelSpec("chat", None, covered=False, formats=("txt",)),
    )
)
