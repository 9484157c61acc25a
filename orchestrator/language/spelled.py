"""Numbers as people spell them: what a text was probably meant as, for hints alone."""

from __future__ import annotations

import re

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {
    **{name: value for value, name in enumerate(_SMALL)},
    **{name: 10 * value for value, name in enumerate(_TENS, start=2)},
    "a": 1,
    "dozen": 12,
}
_TIMES = {"hundred": 100, "thousand": 1_000, "k": 1_000, "million": 1_000_000}
_GROUPED = re.compile(r"[0-9]{1,3}(?:[ ,_'’][0-9]{3})+\Z")
_DIGITS = re.compile(r"[0-9]{1,12}\Z", re.ASCII)
_PARTS = re.compile(r"[0-9]+|[a-z]+")


def spelled_number(text: str) -> int | None:
    """Return the whole number that ``1,000``, ``twenty-five`` or ``10k`` stands for, or None."""
    text = text.strip().casefold()
    if _GROUPED.match(text):
        text = "".join(sign for sign in text if sign.isdigit())
    if _DIGITS.match(text):
        return int(text)
    parts = _PARTS.findall(text)
    if not parts or re.sub(r"(?<=\w)[\s-]+(?=\w)", "", text) != "".join(parts):
        return None
    total = 0
    for part in (part for part in parts if part != "and"):
        value = int(part) if part.isdigit() else _VALUES.get(part)
        if value is not None:
            total = total * value if part == "dozen" and total else total + value
        elif part in _TIMES:
            total = (total or 1) * _TIMES[part]
        else:
            return None
    return total
