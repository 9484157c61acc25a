"""What the codes mean that ``check``, a tick and the ledger print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.gate.reasons import REASONS
from orchestrator.language.codes import CODES
from orchestrator.language.codes.states import STATES
from orchestrator.report.layout import Page
from orchestrator.report.words import PLACES, label, sentence

TITLES = {
    "entry": "a customer did not enter a flow",
    "gate": "a message was not sent",
    "exit": "a customer left a flow",
}
OF_A_MESSAGE = "where a message of the ledger stands"
EFFECTS = {
    "hold": "The message is held: it waits, and is tried again until it expires.",
    "suppress": "The message is suppressed: it will not be sent, and the customer goes on.",
}


@dataclass(frozen=True)
class Meaning:
    """One meaning of a code."""

    title: str
    text: str
    wrong: str = ""
    right: str = ""


def known_codes() -> tuple[str, ...]:
    """Return every code that can be explained."""
    reasons = (code for table in PLACES.values() for code in table)
    return (*CODES, *dict.fromkeys((*reasons, *STATES)))


def meanings(code: str) -> list[Meaning]:
    """Return each meaning of a code, in small letters or capitals; none if it is unknown."""
    problem = CODES.get(code.upper())
    if problem is not None:
        title = f"{code.upper()}: {problem.title}"
        return [Meaning(title, problem.text, problem.wrong, problem.right)]
    found = [
        Meaning(f"{code}: {TITLES[place]}, {label(table, code)}", _text(place, code))
        for place, table in PLACES.items()
        if code in table
    ]
    name = code.lower().replace("-", "_")
    state = STATES.get(name)
    if state is not None:
        found.append(Meaning(f"{name}: {OF_A_MESSAGE}", f"{state.says} More: {state.page}."))
    return found


def _text(place: str, code: str) -> str:
    reason = REASONS.get(code)
    effect = EFFECTS.get(reason.effect, "") if reason and reason.where == place else ""
    return f"{sentence(place, code)} {effect}".strip()


def told(meaning: Meaning, page: Page) -> Iterator[str]:
    """Yield the lines that tell a meaning, with what is wrong and what is right."""
    yield page.paint(meaning.title, "bold")
    yield from page.wrap(meaning.text)
    for title, example, style in (
        ("Wrong", meaning.wrong, "red"),
        ("Right", meaning.right, "green"),
    ):
        if example:
            yield ""
            yield page.paint(f"  {title}", style)
            yield from (f"    {line}".rstrip() for line in example.splitlines())
