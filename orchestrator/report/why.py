"""Why one customer enters a flow or not, as a person reads it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, zip_longest
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.counting import counted
from orchestrator.records.explained import Explained, ExplainedLeaf, RunMessage
from orchestrator.report.layout import Page, padded, printable, width_of
from orchestrator.report.preview import local_time
from orchestrator.report.words import GATE, label

GAP = 2
GROUPS = {"any": "any of these", "all": "all of these"}
TURNED = {"any": "all", "all": "any", "none": "any"}
"""What a group becomes of whose conditions the opposite is told."""
PLACES = {
    "starts_when": "starts when",
    "exits_when": "does not exit at once",
    "status": "the flow",
    "opens": "the flow",
    "closes": "the flow",
    "if_already_in": "entering again",
    "re_entry": "entering again",
    "catch_up": "catch-up",
    "wait_until": "waits until",
    "wait_until_date": "waits until",
    "webhook": "waits until",
    "until": "stops as soon as",
    "gate": "the gate",
}


def why(explained: Explained, page: Page, zone: ZoneInfo) -> Iterator[str]:
    """Yield the page: the answer, each condition with ✓ or ✗, where the customer stands.

    Args:
        zone: the project's, in which times are printed.
    """
    verb = "enters" if explained.enters else "does not enter"
    of = f" with key {explained.key}" if explained.key is not None else ""
    yield page.paint(printable(f"{explained.customer} {verb} {explained.flow}{of} now."), "bold")
    yield from _conditions(explained.conditions, page)
    yield from _state(explained.state, page, zone)
    yield from _messages(explained.messages, page, zone)
    if explained.waits_for:
        yield ""
        yield from _conditions(explained.waits_for, page, headed=True)
    if explained.next:
        yield ""
        yield from page.wrap(f"Next: {explained.next}", indent=0)
    yield from _others(explained, page, zone)


def _state(state: Mapping[str, Any], page: Page, zone: ZoneInfo) -> Iterator[str]:
    known = {key: value for key, value in state.items() if value is not None}
    if known:
        yield ""
        yield from page.table(
            [(key.replace("_", " "), _said(value, zone)) for key, value in known.items()]
        )


def _messages(messages: Sequence[RunMessage], page: Page, zone: ZoneInfo) -> Iterator[str]:
    """Yield what became of the run's messages, below each what keeps it from the customer."""
    if not messages:
        return
    yield ""
    yield page.paint("Its messages:", "bold")
    rows = [
        (one.step, one.channel or "", one.state.replace("_", " "), local_time(one.at, zone))
        for one in messages
    ]
    for line, one in zip(page.table(rows), messages, strict=True):
        yield line
        told = [label(GATE, one.why)] if one.why else []
        told += [f"not before {local_time(one.not_before, zone)}"] if one.not_before else []
        told += [f"clmctl outbox show {one.id}"] if one.why and one.id else []
        if told:
            yield from page.wrap("; ".join(told), indent=4)


def _others(explained: Explained, page: Page, zone: ZoneInfo) -> Iterator[str]:
    """Yield the runs under other keys, and how many more there are."""
    for other in explained.others:
        yield ""
        of = "without a key" if other.key is None else f"with key {other.key}"
        yield page.paint(printable(f"Another run, {of}:"), "bold")
        yield from islice(_state(other.state, page, zone), 1, None)
        if other.next:
            yield from page.wrap(f"Next: {other.next}", indent=0)
    told = len(explained.others) + bool(explained.state)
    if explained.others:
        yield ""
        more = counted(explained.keys - told, "more key") if explained.keys > told else ""
        also = f"There {'is' if explained.keys - told == 1 else 'are'} {more}. " if more else ""
        asks = f"clmctl explain {explained.customer} --flow {explained.flow} --key KEY"
        yield from page.wrap(f"{also}{asks} explains one.", indent=0)


def _said(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return local_time(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _conditions(
    leaves: Sequence[ExplainedLeaf], page: Page, *, headed: bool = False
) -> Iterator[str]:
    """Yield one row per leaf, under the headings of their parts if there are several of these."""
    found = [_found(leaf) for leaf in leaves]
    says = [leaf.says for leaf in leaves]
    places = _short_places(leaves)
    headings = [heading(leaf.path) for leaf in leaves]
    shown = headed or len(set(headings)) > 1
    if _natural(says, found, places) > page.width:
        headings = [
            f"{title} · {_file(leaf)}" for title, leaf in zip(headings, leaves, strict=True)
        ]
        places = [f":{leaf.at.rpartition(':')[2]}" for leaf in leaves]
        shown = True
    widths = _widths(says, found, places, page)
    last = None
    for leaf, said, place, title in zip(leaves, found, places, headings, strict=True):
        if shown and title != last:
            yield page.paint(f"  {printable(title)}", "dim")
            last = title
        yield from _row(leaf, said, place, widths, page)


def _found(leaf: ExplainedLeaf) -> str:
    """Return what was found, the nearest change, and the code of a test that is no condition."""
    nearest = leaf.nearest or ""
    told = [leaf.actual, f"holds {nearest}" if nearest.startswith("on ") else nearest]
    said = ", ".join(filter(None, told))
    shows_code = leaf.reason and not leaf.holds and not leaf.path.startswith(leaf.reason)
    return f"{said} ({leaf.reason})".lstrip() if shows_code else said


def _file(leaf: ExplainedLeaf) -> str:
    return leaf.at.rpartition(":")[0] or leaf.at


def _natural(*columns: Sequence[str]) -> int:
    """Return the width that the columns would like to have together, marks and gaps included."""
    widest = [max((width_of(printable(text)) for text in column), default=0) for column in columns]
    return sum(widest) + 4 + GAP * (len(columns) - 1)


def heading(path: str) -> str:
    """Return what the conditions of one part are headed with: ``audience: any of these``.

    Under ``none`` and in ``exits_when`` conditions are told as their opposites, so the
    groups there read the other way round: none of some is all of their opposites.
    """
    words = [word for word in re.split(r"[./\[\]]+", path) if word and not word.isdigit()]
    turned, told = words[:1] == ["exits_when"], []
    for word in words:
        if word in ("any", "all", "none"):
            before, turned = turned, turned is not (word == "none")
            joined = "all" if word == "none" and not before else word
            told.append(GROUPS[TURNED[joined] if before else joined])
        else:
            told.append(PLACES.get(word, word))
    return ": ".join(told)


def _short_places(leaves: Sequence[ExplainedLeaf]) -> list[str]:
    """Return each place, a file named only where it changes: ``flows/a.yaml:2``, ``:4``."""
    places, last = [], None
    for leaf in leaves:
        path, colon, line = leaf.at.rpartition(":")
        places.append(leaf.at if path != last or not colon else f":{line}")
        last = path
    return places


def _widths(
    says: Sequence[str], found: Sequence[str], places: Sequence[str], page: Page
) -> tuple[int, int, int]:
    """Return the widths of the three columns; what is too long for its column is wrapped."""
    place = max(map(width_of, places), default=0)
    room = page.width - 4 - place - 2 * GAP
    said = max((width_of(printable(text)) for text in says), default=0)
    actual = max((width_of(printable(text)) for text in found), default=0)
    if said + actual > room:
        actual = min(actual, max(room - said, room * 2 // 5))
        said = max(12, min(said, room - actual))
    return said, actual, place


def _row(
    leaf: ExplainedLeaf, found: str, place: str, widths: tuple[int, int, int], page: Page
) -> Iterator[str]:
    mark = page.paint("✓", "green") if leaf.holds else page.paint("✗", "red")
    cells = zip_longest(
        textwrap.wrap(printable(leaf.says), widths[0]) or [""],
        textwrap.wrap(printable(found), max(1, widths[1])),
        fillvalue="",
    )
    for number, (says, actual) in enumerate(cells):
        begin = f"  {mark} " if number == 0 else "    "
        end = page.paint(padded(place, widths[2], right=True), "dim") if number == 0 else ""
        middle = f"{padded(says, widths[0])}{' ' * GAP}{padded(actual, widths[1])}"
        yield f"{begin}{middle}{' ' * GAP}{end}".rstrip()
