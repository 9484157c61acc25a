"""The page of codes: what ``check`` reports, why a message was not sent, where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.gate.reasons import REASONS, Reason
from orchestrator.language.codes import CODES, Code
from orchestrator.language.codes.states import STATES

LAYERS = {
    "1": "Text and words",
    "2": "Names",
    "3": "Types",
    "4": "Meaning",
    "5": "Templates",
    "6": "Tests of flows",
    "9": "Not available yet",
}
"""Hundreds of a problem's code → the layer of ``check`` that finds it."""
PLACES = {
    "entry": "Why a customer did not enter",
    "gate": "Why a message was not sent",
    "exit": "Why a run ended",
}


def codes_page() -> Iterator[str]:
    """Yield the parts of the page."""
    yield (
        "`clmctl explain CODE` prints each of these. A problem's code says the layer of "
        "`clmctl check` that finds it; no layer stops at the first problem. Problems of "
        "meaning are warnings; `# clm: ignore CODE reason` above a line silences one."
    )
    for digit, title in LAYERS.items():
        yield f"## {title}"
        for code, problem in CODES.items():
            if code[3] == digit:
                yield from _problem(code, problem)
    for place, title in PLACES.items():
        reasons = [reason for reason in REASONS.values() if reason.where == place]
        yield f"## {title}"
        yield _table(reasons)
    yield "## Where a message stands"
    yield "The states of the ledger, as `clmctl outbox` and `clmctl explain CUSTOMER` print them."
    rows = [f"| `{name}` | {state.says} |" for name, state in STATES.items()]
    yield "\n".join(["| State | Meaning |", "|---|---|", *rows])


def _problem(code: str, problem: Code) -> Iterator[str]:
    yield f"### {code}"
    yield f"{problem.title[0].upper()}{problem.title[1:]}. {problem.text}"
    for says, example in (("Wrong", problem.wrong), ("Right", problem.right)):
        if example:
            yield f"{says}:\n\n```yaml\n{example}\n```"


def _table(reasons: list[Reason]) -> str:
    rows = [f"| `{reason.code}` | {reason.effect} | {reason.says} |" for reason in reasons]
    return "\n".join(["| Reason | Effect | Meaning |", "|---|---|---|", *rows])
