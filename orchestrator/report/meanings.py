"""What the codes mean that ``check`` and a tick print."""

from __future__ import annotations

from orchestrator.report.words import PLACES

TITLES = {
    "entry": "{code}: a customer did not enter a flow",
    "gate": "{code}: a message was not sent",
    "exit": "{code}: a customer left a flow",
}


def known_codes() -> tuple[str, ...]:
    """Return every code that can be explained."""
    return tuple(dict.fromkeys(code for table in PLACES.values() for code in table))


def meanings(code: str) -> list[tuple[str, str]]:
    """Return (title, text) for each meaning of a code; none if it is unknown."""
    return [
        (TITLES[place].format(code=code), table[code].sentence)
        for place, table in PLACES.items()
        if code in table
    ]
