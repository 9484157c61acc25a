"""What is refused of a part of a message once it is printed, and what is tidied."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from orchestrator.render.faults import RenderError
from orchestrator.render.headers import clean_header
from orchestrator.render.plain_text import tidy
from orchestrator.render.plans import Plan

LARGEST_OCTETS = 1_000_000
CHANNEL_OCTETS = {"push": 4_096, "sms": 6_400, "whatsapp": 16_384}
"""Octets of a text where the channel itself takes no more."""


def _subject(_: Plan, text: str) -> str:
    subject = clean_header("subject", text)
    if not subject:
        raise RenderError("header", "the subject is empty")
    return subject


def _preheader(_: Plan, text: str) -> str:
    return clean_header("preheader", text)


def _html(_: Plan, text: str) -> str:
    return _bounded(text, LARGEST_OCTETS)


def _text(plan: Plan, text: str) -> str:
    text = _bounded(text, CHANNEL_OCTETS.get(plan.message["channel"], LARGEST_OCTETS))
    if plan.is_json and text.strip():
        _check_json(text)
        return text
    return tidy(text)


FINISH: Mapping[str, Callable[[Plan, str], str]] = {
    "subject": _subject, "preheader": _preheader, "html": _html, "text": _text,
}  # fmt: skip
"""Part of a message → what makes it fit to be sent.

Each raises ``RenderError`` where it cannot."""


def _bounded(text: str, most: int) -> str:
    if "\x00" in text:
        raise RenderError("value", "a value holds a NUL character")
    if (len(text) if text.isascii() else len(text.encode())) > most:
        raise RenderError("too_large", f"the message is longer than {most} octets")
    return text


def _check_json(text: str) -> None:
    try:
        said = json.loads(text)
    except ValueError:
        raise RenderError("template", "the template prints something that is no JSON") from None
    if said in ({}, [], "", None):
        raise RenderError("empty", "the JSON of the message says nothing once it is rendered")
