"""The project file: who we are, and the limits that hold for every flow."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.language.durations import DailyHours, Duration
from orchestrator.language.moments import DurationShape, Hours, Zone
from orchestrator.language.names import Name, NewName, Ref
from orchestrator.language.nodes import Node
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import Text
from orchestrator.language.words import Sentence, word
from orchestrator.playbook.model.anything import INCLUDE, INCLUDE_DOC, META, VARS
from orchestrator.playbook.model.guardrails import Guardrails


@dataclass(frozen=True, kw_only=True)
class Defaults(Sentence):
    """What a send step means when it does not say."""

    channel: Name | None = word(
        Ref("channel"), "The channel of sends (default email).", default=None
    )
    from_: Name | None = word(Ref("sender"), "The sender.", default=None)
    send_between: DailyHours | None = word(Hours(), "Hours in which messages go out.", default=None)
    expires_after: Duration | None = word(
        DurationShape(), "How long a held send is kept (default 3 days).", default=None
    )


@dataclass(frozen=True, kw_only=True)
class Links(Sentence):
    """Where the links in messages lead."""

    base_url: str = word(
        Text(), "`https://…` where `clmctl serve` is reached: `/u/…`, `/p/…`, `/receipts/…`."
    )


@dataclass(frozen=True, kw_only=True)
class Project(Sentence):
    """`playbooks/project.yaml`: who we are, and the limits that hold for every flow."""

    project: Name = word(NewName("project"), "The project's name; part of bucket seeds.")
    timezone: str = word(Zone(), "Zone of customers without one, and of times without one.")
    locale: str | None = word(Text(), "Locale of customers without one (default en).", default=None)
    currency: str | None = word(
        Text(), "ISO 4217 code that `money` prints (default EUR).", default=None
    )
    postal_address: str | None = word(Text(), "Printed in every marketing e-mail.", default=None)
    links: Links | None = word(SentenceOf(Links, "links"), "Public pages.", default=None)
    defaults: Defaults | None = word(
        SentenceOf(Defaults, "defaults"), "Defaults of sends.", default=None
    )
    guardrails: Guardrails | None = word(
        SentenceOf(Guardrails, "guardrails"),
        "Limits for all flows together.",
        default=None,
    )
    vars: dict[Name, Node] | None = word(VARS, "Values used as `$name` anywhere.", default=None)
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
    include: tuple[str, ...] | None = word(INCLUDE, INCLUDE_DOC, default=None)
