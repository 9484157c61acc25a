"""What a plain scalar means: text, unless it is clearly a number, true/false or nothing.

Editors read YAML 1.2 and PyYAML reads YAML 1.1. Both disagree with a marketer about
``NO``, ``22:00`` and ``01234``; these are text here. What a YAML 1.2 reader takes for a
number or a truth value in a spelling that is none here is refused, so that the editor and
the command line never see two different values.
"""

from __future__ import annotations

import re
from decimal import Decimal

from orchestrator.language.nodes import ScalarValue

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+\Z")
_WORDS: dict[str, ScalarValue] = {"true": True, "false": False, "null": None, "~": None, "": None}
_LONGEST = 18
"""Digits; a JSON reader would begin to round not far below."""

_EXPONENT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+\Z")
_OPEN_FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.)\Z")
_SIGNED_FRACTION = re.compile(r"(\+[0-9]+|[-+]?0[0-9]+)\.[0-9]+\Z")
_BASE = re.compile(r"0x[0-9a-fA-F]+\Z|0o[0-7]+\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_TRUTHS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}


def plain_value(text: str) -> ScalarValue:
    """Return what an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 2 * _LONGEST:
        return text
    if _WHOLE.match(text):
        return int(text)
    return Decimal(text) if _DECIMAL.match(text) else text


def misread(text: str) -> tuple[str, str] | None:
    """Return (what is wrong, what to write) if another reader takes the scalar differently."""
    if not text or text[0] not in "+-.0123456789TFN":
        return None
    if text in _TRUTHS:
        return f'"{text}" is ambiguous', f'write {_TRUTHS[text]}, or "{text}" in quotes for text'
    if text in ("Null", "NULL"):
        return f'"{text}" is ambiguous', f'leave the place empty, or write "{text}" in quotes'
    shown = text if len(text) <= 30 else f"{text[:12]}…{text[-4:]}"
    quoted = f'or "{shown}" in quotes for text'
    if _EXPONENT.match(text) or _BASE.match(text):
        return f'"{shown}" is ambiguous', f"write the number in plain digits, {quoted}"
    if _OPEN_FRACTION.match(text) or _SIGNED_FRACTION.match(text):
        return f'"{shown}" is ambiguous', f"write a number such as 0.5, {quoted}"
    if _NOT_FINITE.match(text):
        return f'"{text}" is no number a playbook can use', f'write "{text}" in quotes for text'
    if (_WHOLE.match(text) or _DECIMAL.match(text)) and _too_long(text):
        return f"the number {shown} is too long ({len(text)} digits)", "write " + quoted[3:]
    return None


def _too_long(text: str) -> bool:
    whole, _, fraction = text.lstrip("-").partition(".")
    return len(whole) > _LONGEST or len(fraction) > _LONGEST
