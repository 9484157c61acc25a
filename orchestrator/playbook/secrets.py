"""Telling secrets that were pasted into a playbook."""

from __future__ import annotations

import re

_SECRET_WORDS = frozenset(
    (
        "password", "passwd", "pwd", "secret", "api_key", "apikey", "api-key", "access_key",
        "secret_key", "private_key", "auth_token", "access_token", "client_secret",
    )
)  # fmt: skip
_TYPES = frozenset(("text", "number", "money", "boolean", "date", "datetime", "list"))
_FORMS = (
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "an access key"),
    (re.compile(r"\bre_(?=\w*[0-9])(?=\w*[A-Z])[A-Za-z0-9_]{16,}"), "an API key"),
    (re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{8,}"), "a secret key"),
    (re.compile(r"\bSG\.[\w-]{16,}\.[\w-]{16,}"), "an API key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abpr]-[A-Za-z0-9-]{10,}"), "a token"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b[a-z][a-z0-9+]*://[^\s:/@]+:[^\s:/@]+@"), "an address with a password in it"),
)  # fmt: skip


def secret_in(text: str, word: str | None = None) -> str | None:
    """Return what kind of secret a text is, or None.

    Args:
        word: the word the text stands under; ``password:`` makes any text a secret, unless
            it names a type (a property called so) or a place (``env:``, ``file:``).
    """
    if word is not None and word.lower() in _SECRET_WORDS:
        harmless = not text or text in _TYPES or text.startswith(("env:", "file:"))
        return None if harmless else "a secret"
    if len(text) < 12:
        return None
    return next((kind for form, kind in _FORMS if form.search(text)), None)
