"""Messages: the settings and templates of one folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.flow.steps.send import PURPOSES
from orchestrator.language.containers import ListOf, MapOf
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.language.marks import Mark
from orchestrator.language.moments import DurationShape, Hours
from orchestrator.language.names import DataName, FilePath, Name, Ref
from orchestrator.language.nodes import Node
from orchestrator.language.shapes import OneOf, Text
from orchestrator.language.words import Sentence, word
from orchestrator.playbook.model.anything import AnyValue


@dataclass(frozen=True, kw_only=True)
class MessageFile(Sentence):
    """`templates/<message>/message.yaml`: what the gate must know before channel and locale."""

    purpose: str | None = word(
        OneOf(*PURPOSES), "`marketing` (default) or `transactional`.", default=None
    )
    topic: Name | None = word(
        Ref("topic"), "What the customer must be subscribed to.", default=None
    )
    expires_after: Duration | None = word(
        DurationShape(), "Not sent if held for this long.", default=None
    )
    send_between: DailyHours | None = word(Hours(), "Only in these local hours.", default=None)
    from_: Name | None = word(Ref("sender"), "The sender.", default=None)
    reply_to: str | None = word(Text(), "Where answers go.", default=None)
    with_: dict[Name, Node] | None = word(
        MapOf(DataName("value"), AnyValue()),
        "Defaults for the template's `with.x`.",
        default=None,
    )
    trusted: tuple[str, ...] | None = word(
        ListOf(Text()), "Values that may be printed with `|safe`.", default=None
    )
    attachments: tuple[Name, ...] | None = word(
        ListOf(FilePath()),
        "Files that go with its mails: beside this file, or below `templates/_attachments/`.",
        default=None,
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)


@dataclass(frozen=True)
class Template:
    """One template file: ``<channel>[.<locale>].<format>.j2`` of one message."""

    path: str
    """Below the project."""
    channel: str
    locale: str | None
    format: str
    subject: str | None
    preheader: str | None
    body: str
    body_line: int
    """Line of the file on which ``body`` begins; the front matter stands above it."""
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False)
    """``subject`` and ``preheader`` → where their text stands."""


@dataclass(frozen=True)
class AttachedFile:
    """A file that goes with a message."""

    name: str
    """As receivers see it: that of the file, without folders."""
    path: str
    """Below the project."""
    content_type: str
    sha256: str
    """Of its content, hexadecimal."""
    octets: int


@dataclass(frozen=True)
class Message:
    """One message: its folder's settings and its templates."""

    name: str
    settings: MessageFile
    templates: tuple[Template, ...]
    attachments: tuple[AttachedFile, ...] = ()

    def channels(self) -> frozenset[str]:
        """Return the channels this message has a template for."""
        return frozenset(template.channel for template in self.templates)
