"""What an adapter said, as the ledger can keep it.

Adapters come from anywhere, and repeat what providers say: ids with half a character in them, a
number where a text belongs, nothing at all. None of that may cost more than the one message it
was said about.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

from orchestrator.channels.base import Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Fault, Outcome, OutcomeKind, unknown
from orchestrator.channels.settings import secrets_of
from orchestrator.importing.addresses import LONGEST_ID, clean_id
from orchestrator.importing.sources import LONGEST_FIELD
from orchestrator.packages import a

LONGEST_TEXT = 500
"""Characters of what a provider says or calls a message."""
_TELLING = 4
"""Characters at least of a text that is looked for."""
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>]+|\+[0-9][0-9 ()-]{6,}[0-9]|[0-9]{8,}")
"""What looks like somebody's address: of e-mail, or a number of a phone."""
LATEST = timedelta(days=30)
"""A provider that asks for a longer pause gets this one."""
_KINDS, _FAULTS = frozenset(get_args(OutcomeKind)), frozenset(get_args(Fault))


def heard(said: object, about: OutgoingMessage, adapter: Channel) -> Outcome:
    """Return an outcome whose parts are what they should be; what is none is ``unknown``.

    Providers like to repeat what they were sent; what people read repeats no address, no subject
    and no secret.
    """
    if not isinstance(said, Outcome):
        return unknown(f"the adapter returned {a(type(said))} instead of an outcome")
    if not isinstance(said.kind, str) or said.kind not in _KINDS:
        return unknown("the adapter returned an outcome of no known kind")
    fields, lost = _fields(said.fields)
    detail = f"{lost} values of the answer cannot be kept" if lost else said.detail
    says_nothing = said.code is None and detail is None and said.provider_id is None
    private = [] if says_nothing else _private(about, adapter)
    return replace(
        said,
        provider_id=_id(said.provider_id, private),
        code=_line(said.code, private),
        detail=_line(detail, private),
        retry_after=_pause(said.retry_after),
        fault=said.fault if said.fault in _FAULTS else "message",
        is_dead_address=said.is_dead_address is True,
        fields=fields,
    )


def agreed(first: Outcome | None, second: Outcome | None) -> Outcome | None:
    """Return what is believed of a message that was told of twice; None is ``not begun``."""
    kinds = {one.kind if one else None for one in (first, second)}
    if len(kinds) == 1:
        return first
    return unknown("the adapter told two different things of it")


def _id(name: object, private: Sequence[str]) -> str | None:
    """Return a provider's name of a message; one that cannot be kept is as good as none.

    One that repeats what nobody is to read cannot be kept: masked it would name nothing.
    """
    if not isinstance(name, str | int):
        return None
    text = str(name)
    if any(one.casefold().lstrip("+") in text.casefold() for one in private):
        return None
    return text if text and len(text) <= LONGEST_TEXT and text.isprintable() else None


def _private(about: OutgoingMessage, adapter: Channel) -> list[str]:
    """Return texts that are not repeated; what is very short is likely a part of other words."""
    found = [about.to, about.subject or ""]
    with suppress(Exception):  # of settings that are none nobody knows any secret
        secrets = [secret.reveal() for secret in secrets_of(adapter.settings)]
        found += [*secrets, *(b64encode(one.encode()).decode() for one in secrets)]
    return [one for one in found if len(one) >= _TELLING]


def _line(text: object, private: Sequence[str]) -> str | None:
    """Return a text on one line, without anything that a database refuses, or nobody is to read."""
    if text is None:
        return None
    clean = str(text)
    for one in private:
        clean = clean.replace(one, "…")
    cut = _ADDRESS.sub("…", clean[: 4 * LONGEST_TEXT])[:LONGEST_TEXT]
    return "".join(one if one.isprintable() else " " for one in cut).strip() or None


def _pause(span: object) -> timedelta | None:
    if not isinstance(span, timedelta):
        return None
    return min(max(span, timedelta()), LATEST)


def _fields(given: Any) -> tuple[dict[str, str] | None, int]:
    """Return the plain values that imports would take, and how many others there were."""
    if not isinstance(given, Mapping):
        return None, int(given is not None)
    kept = {name: text for name, text in given.items() if _is_name(name) and _is_plain_text(text)}
    return kept, len(given) - len(kept)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and len(name) <= LONGEST_ID and clean_id(name) == name


def _is_plain_text(text: object) -> bool:
    if not isinstance(text, str) or len(text) > LONGEST_FIELD or "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
