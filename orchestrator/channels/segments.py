"""How many segments a text message takes, and what that depends on.

Source: 3GPP TS 23.038, 6.2.1 (the GSM 7-bit default alphabet and its extension table) and
TS 23.040, 9.2.3.24 (the header of concatenated messages takes 6 octets of each segment).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Each takes two septets: an escape and itself."""
_SINGLE = {"GSM-7": 160, "UCS-2": 70}
_JOINED = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text becomes on the air."""

    encoding: Literal["GSM-7", "UCS-2"]
    count: int
    units: int
    """Septets of GSM-7, or 16-bit units of UCS-2."""
    left: int
    """Units that the last segment still has room for."""
    culprits: tuple[str, ...]
    """Characters that GSM-7 does not have, each once: they halve what a segment holds."""


def segments(text: str) -> Segments:
    """Return how a text is split; an empty one takes one segment."""
    culprits = tuple(dict.fromkeys(one for one in text if one not in _BASIC | _EXTENDED))
    if culprits:
        sizes = [2 if ord(one) > 0xFFFF else 1 for one in text]
        return _split("UCS-2", sizes, culprits)
    return _split("GSM-7", [2 if one in _EXTENDED else 1 for one in text], ())


def _split(
    encoding: Literal["GSM-7", "UCS-2"], sizes: list[int], culprits: tuple[str, ...]
) -> Segments:
    """Fill segments; a character of two units is never torn apart."""
    units = sum(sizes)
    if units <= _SINGLE[encoding]:
        return Segments(encoding, 1, units, _SINGLE[encoding] - units, culprits)
    room, count, used = _JOINED[encoding], 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return Segments(encoding, count, units, room - used, culprits)
