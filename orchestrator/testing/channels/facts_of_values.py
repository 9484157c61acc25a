"""Facts of values: nothing in a message makes a header, an error or a leak."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orchestrator.channels.message import Attachment, OutgoingMessage, Sender, Unsubscribe
from orchestrator.testing.channels.facts_of_sending import wrong_with_outcome
from orchestrator.testing.channels.kit import Kit
from orchestrator.testing.channels.samples import HOSTILE, INJECTED, LONG, ONE_LINE

_INERT = ("accepted", "rejected")
"""What an adapter may say of a strange message: anything else would be tried again."""


def hostile_values_are_inert(kit: Kit) -> Iterator[str]:
    """No value of any field raises, leaves twice, or begins a line of its own."""
    kit.provider.behave("accept")
    with kit.open() as adapter:
        for field in (*ONE_LINE, *LONG):
            for name, value in HOSTILE.items():
                message = kit.fresh(**_with(kit.message, field, value))
                done = kit.attempt(adapter, message)
                lead = f"{name} in {field}"
                if done.kind not in _INERT:
                    yield f"{lead}: {done.kind}, expected accepted or rejected"
                if len(done.arrived) > 1:
                    yield f"{lead}: {len(done.arrived)} messages instead of one"
                if field in ONE_LINE and _begins_a_line(b"".join(done.arrived)):
                    yield f"{lead}: it begins a line of its own"
                yield from (f"{lead}: {wrong}" for wrong in wrong_with_outcome(done, message))


def hostile_parts_are_inert(kit: Kit) -> Iterator[str]:
    """The same of attachments and of plain values."""
    kit.provider.behave("accept")
    with kit.open() as adapter:
        for name, value in HOSTILE.items():
            parts: dict[str, dict[str, Any]] = {
                "the name of an attachment": {"attachments": (Attachment(value, "a/b", b"1"),)},
                "the type of an attachment": {"attachments": (Attachment("a.b", value, b"1"),)},
                "a plain value": {"fields": {"value": value, "deep": {value: [value, None]}}},
            }
            for part, changes in parts.items():
                done = kit.attempt(adapter, kit.fresh(**changes))
                if done.kind not in _INERT:
                    yield f"{name} in {part}: {done.kind}, expected accepted or rejected"
                elif _begins_a_line(b"".join(done.arrived)):
                    yield f"{name} in {part}: it begins a line of its own"


def _begins_a_line(arrived: bytes) -> bool:
    return any(line.startswith(INJECTED) for line in arrived.splitlines())


def _with(message: OutgoingMessage, field: str, value: str) -> dict[str, Any]:
    """Return the change that puts a value into a field, also into one inside a part."""
    part, _, inner = field.partition(".")
    if not inner:
        return {field: value}
    if part == "sender":
        return {"sender": replace(message.sender or Sender("", "a@b.example"), **{inner: value})}
    given = message.unsubscribe or Unsubscribe("https://kopi.example/u/1")
    return {"unsubscribe": replace(given, **{inner: value})}


def secrets_stay_secret(kit: Kit) -> Iterator[str]:
    """No secret is in a repr, an outcome, a log of any level, or on the screen."""
    secrets = kit.secrets()
    with kit.open() as adapter:
        shown = f"{adapter!r} {adapter} {adapter.settings!r} {adapter.settings}"
    said = kit.heard.said(logging.DEBUG)
    for number, secret in enumerate(secrets, start=1):
        if not secret:
            continue
        if secret in shown:
            yield f"secret {number} of the settings is in the repr of the adapter or its settings"
        if secret in said:
            yield (
                f"secret {number} of the settings was logged, printed, raised, or told by an "
                "outcome or by check(): say what failed in words of your own"
            )


def people_stay_unnamed(kit: Kit) -> Iterator[str]:
    """No address and no text of a message is in a log, but for debugging, or on the screen."""
    said = kit.heard.said(logging.INFO)
    for name in ("to", "text", "subject"):
        value = getattr(kit.message, name)
        if value and len(value) > 3 and value in said:
            yield f'"{name}" of a message was logged, printed or told by an outcome'
