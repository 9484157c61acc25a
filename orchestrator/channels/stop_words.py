"""Words by which people say, in an answer, that they want no more messages.

Source: the words that 47 CFR 64.1200(a)(10) calls reasonable in themselves, those that mobile
carriers act on by themselves, and their Indonesian and German like.
"""

from __future__ import annotations

import re

_STOP = frozenset(
    (
        "stop", "quit", "end", "revoke", "cancel", "unsubscribe", "stopall", "optout", "berhenti",
        "batal", "henti", "stopp", "abmelden", "abbestellen", "ende",
    )
)  # fmt: skip
_PHRASES = frozenset(("opt out", "stop all", "berhenti langganan"))
_NOT_LETTERS = re.compile(r"[^a-z]+")


def is_stop(text: str) -> bool:
    """Return whether an answer says stop: one of the words and nothing else around it."""
    words = _NOT_LETTERS.sub(" ", text.casefold()).strip()
    return words in _STOP or words in _PHRASES
