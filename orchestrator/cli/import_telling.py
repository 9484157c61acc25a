"""What an import says when it is done: counts, remarks, what was rejected, the document."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from orchestrator.cli import console
from orchestrator.counting import counted
from orchestrator.report.layout import printable

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from orchestrator.importing.outcome import Outcome

NAMED_AT_MOST = 8
FEW = 4


def tell(kind: str, outcome: Outcome, rejects: Path, messages: frozenset[str]) -> None:
    """Print the counts, then what is to be known of the rows and what was rejected.

    Args:
        messages: those that the project has.
    """
    parts = [f"{outcome.loaded:,} loaded"]
    if kind == "customers":
        parts.append(f"{outcome.updated:,} updated")
    parts += [f"{outcome.unchanged:,} unchanged", f"{outcome.rejected:,} rejected"]
    console.out(f"{kind}: {', '.join(parts)}")
    for line in _remarks(outcome, messages):
        console.note(line)
    if outcome.rejected:
        console.warn(f"{counted(outcome.rejected, 'row')} rejected: see {rejects}")
        for reason, count in outcome.reasons.most_common(NAMED_AT_MOST):
            console.say(f"  {count:>8,}  {printable(reason)}")
        if any("in the expected form" in reason for reason in outcome.reasons):
            console.say(
                "help: --time-format says how times are written, if not as 2026-03-02T10:00"
            )


def _remarks(outcome: Outcome, messages: frozenset[str]) -> Iterator[str]:
    if outcome.unknown_messages:
        yield _messages(outcome.unknown_messages, messages)
    if outcome.customers_created:
        yield f"{counted(outcome.customers_created, 'new customer')} made by their events"
    yield from _of_values(outcome)
    if outcome.blocked:
        yield (
            f"{counted(outcome.blocked, 'topic')} listed for customers who have withdrawn from "
            "them: they stay withdrawn"
        )
    if outcome.withdrawn:
        yield f"{counted(outcome.withdrawn, 'topic')} withdrawn by unsubscribes and complaints"
    if outcome.suppressed:
        yield f"{counted(outcome.suppressed, 'address', 'addresses')} suppressed"
    yield from _of_names(outcome)


def _of_values(outcome: Outcome) -> Iterator[str]:
    """Yield which values are missing, because no row has them or because of their form."""
    lacking = sorted((+outcome.missing).keys() - outcome.found)
    if lacking:
        yield f"in the catalog, but no row has it: {_listed(lacking, FEW)}"
    partly = [(name, count) for name, count in (+outcome.missing).items() if name not in lacking]
    if partly:
        partly.sort(key=lambda one: (-one[1], one[0]))
        yield f"missing values: {_listed([f'{name} {count:,}' for name, count in partly], FEW)}"
    for name, count in (+outcome.unparsable).most_common(NAMED_AT_MOST):
        yield f"{name}: {counted(count, 'value')} not of the catalog's type, so missing"


def _of_names(outcome: Outcome) -> Iterator[str]:
    """Yield which names of the file the catalog does not have, or works out by itself."""
    if outcome.computed_columns:
        yield (
            "computed from events, whatever the file says of it: "
            f"{_listed(sorted(outcome.computed_columns))}"
        )
    for what, names in (
        ("event", outcome.undeclared_events),
        ("column", outcome.undeclared_columns),
    ):
        if names:
            yield (
                f"not in the catalog, so stored but of no use in rules: {what} "
                f"{_listed(sorted(names))}"
            )
    if any(_joins_topics(name) for name in outcome.undeclared_columns):
        yield 'the topics of one customer are separated by ";", as in newsletter;offers'


def _joins_topics(column: str) -> bool:
    """Return whether an unknown topic looks like several, separated in another way."""
    return column.startswith("topic ") and not {"|", ","}.isdisjoint(column)


def _messages(unknown: Counter[str], known: frozenset[str]) -> str:
    """Return which messages receipts name that the project does not have."""
    named = []
    for name, _ in unknown.most_common():
        near = get_close_matches(name, sorted(known), n=1)
        named.append(f"{name} (did you mean {near[0]}?)" if near else name)
    count = counted(unknown.total(), "receipt")
    return f"{count} of messages that the project does not have: {_listed(named, FEW)}"


def _listed(names: list[str], at_most: int = NAMED_AT_MOST) -> str:
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")


def document_of(kind: str, outcome: Outcome, rejects: Path) -> dict[str, Any]:
    """Return the document of ``import … -o json``."""
    return {
        "format": "clmctl.import/1",
        "kind": kind,
        "loaded": outcome.loaded,
        "updated": outcome.updated,
        "unchanged": outcome.unchanged,
        "rejected": outcome.rejected,
        "reasons": dict(outcome.reasons),
        "rejects": str(rejects) if outcome.rejected else None,
        "customers_created": outcome.customers_created,
        "missing": dict(+outcome.missing),
        "unparsable": dict(+outcome.unparsable),
        "unknown_messages": dict(outcome.unknown_messages),
        "blocked": outcome.blocked,
        "withdrawn": outcome.withdrawn,
        "suppressed": outcome.suppressed,
        "undeclared_events": sorted(outcome.undeclared_events),
        "undeclared_columns": sorted(outcome.undeclared_columns),
        "computed_columns": sorted(outcome.computed_columns),
    }
