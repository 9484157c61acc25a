"""Which template a customer gets: locale fallback, then the best format of the channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.channels.spec import CHANNELS
from orchestrator.playbook.model import Template

FALLBACK_LOCALE = "en"


def normal_locale(written: str) -> str:
    """Return a locale as ``id-ID`` or ``zh-Hant-TW``, however it was written."""
    language, *rest = written.strip().replace("_", "-").split("-")
    return "-".join((language.lower(), *(_subtag(part) for part in rest)))


def _subtag(part: str) -> str:
    return part.title() if len(part) == 4 and part.isalpha() else part.upper()


def fallbacks(customer: str | None, project: str | None) -> list[str | None]:
    """Return the locales to try: ``id-ID``, ``id``, the project's, then none at all."""
    chain: list[str | None] = []
    for written in (customer, project):
        parts = normal_locale(written).split("-") if written and written.strip() else []
        chain += ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return [*dict.fromkeys(chain), None]


@dataclass(frozen=True)
class Choice:
    """The templates of one message for one channel and customer locale."""

    body: Template
    text: Template | None
    """A plain-text template written for the same locale, beside an HTML or Markdown body."""


def choose(
    templates: Iterable[Template], channel: str, locales: Sequence[str | None]
) -> Choice | None:
    """Return the first locale's templates in the channel's order of formats, or None."""
    mine = [template for template in templates if template.channel == channel]
    for locale in locales:
        found = {t.format: t for t in mine if _locale_of(t) == locale}
        formats = [name for name in CHANNELS[channel].formats if name in found]
        if formats:
            body = found[formats[0]]
            text = found.get("txt") if body.format in ("html", "md") else None
            return Choice(body, text)
    return None


def _locale_of(template: Template) -> str | None:
    return None if template.locale is None else normal_locale(template.locale)
