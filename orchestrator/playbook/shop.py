"""What the project and the catalog say about the shop: locale, currency, senders, dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Playbook, QuietHours
from orchestrator.playbook.places import sentences

LOCALE = re.compile(r"[a-z]{2,3}([-_][A-Z][a-z]{3})?([-_]([A-Z]{2}|[0-9]{3}))?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_SENDER = re.compile(r"(?:[^<>\x00-\x1f]*<([^<>\s@]+@[^<>\s@]+)>|([^<>\s@]+@[^<>\s@]+))\Z")
_URL = re.compile(r"https?://[^\s/:@]+(:[0-9]+)?(/\S*)?\Z")


def shop_problems(playbook: Playbook) -> Iterator[Problem]:
    """Yield what cannot be a locale, a currency, an address or a quiet day."""
    project = playbook.project
    yield from _form(project, "locale", LOCALE, "a locale such as de-AT")
    yield from _form(project, "currency", _CURRENCY, "a currency code such as EUR")
    if project.links:
        yield from _form(project.links, "base_url", _URL, "an address such as https://shop.example")
    for name, sender in (playbook.catalog.senders or {}).items():
        if not _SENDER.match(sender):
            yield _wrong(name.mark, sender, "a sender such as Acme <hello@acme.example>")
    for tree in (project, *playbook.flows.values()):
        for sentence in sentences(getattr(tree, "guardrails", None)):
            if isinstance(sentence, QuietHours):
                yield from _days(sentence)


def _form(sentence: Any, word: str, form: re.Pattern[str], says: str) -> Iterator[Problem]:
    text = getattr(sentence, word)
    if text is not None and not form.match(text):
        yield _wrong(sentence.mark_at(word), text, says)


def _days(hours: QuietHours) -> Iterator[Problem]:
    for day in hours.dates or ():
        if isinstance(day, datetime):
            yield _wrong(hours.mark_at("dates"), str(day), "a day such as 2026-12-24")


def _wrong(mark: Mark, text: str, says: str) -> Problem:
    return Problem(mark, "CLM106", f'"{text[:60]}" is not {says}')
