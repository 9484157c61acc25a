"""All that an adapter of your own needs, in one import: see docs/own_channel.md."""

from orchestrator.channels.base import Capabilities, Channel, MayBegin, Surroundings
from orchestrator.channels.message import Attachment, OutgoingMessage, Purpose, Sender, Unsubscribe
from orchestrator.channels.outcome import Outcome, accepted, deferred, refused, rejected, unknown
from orchestrator.channels.reach import Reach
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt, ReceiptKind
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import (
    FolderShape,
    Rate,
    RateShape,
    SecretShape,
    SpanShape,
    UrlShape,
)
from orchestrator.channels.spec import ChannelSpec
from orchestrator.channels.web import Answer, Web, attempt, by_api_status, by_status, compact_json
from orchestrator.language.shapes import OneOf, Text, Truth, Whole
from orchestrator.language.words import word

__all__ = [
    "Answer",
    "Attachment",
    "Callback",
    "Capabilities",
    "Channel",
    "ChannelSettings",
    "ChannelSpec",
    "FolderShape",
    "ForgedCallback",
    "MayBegin",
    "OneOf",
    "Outcome",
    "OutgoingMessage",
    "Purpose",
    "Rate",
    "RateShape",
    "Reach",
    "Receipt",
    "ReceiptKind",
    "Secret",
    "SecretShape",
    "Sender",
    "SpanShape",
    "Surroundings",
    "Text",
    "Truth",
    "Unsubscribe",
    "UrlShape",
    "Web",
    "Whole",
    "accepted",
    "attempt",
    "by_api_status",
    "by_status",
    "compact_json",
    "deferred",
    "refused",
    "rejected",
    "unknown",
    "word",
]
