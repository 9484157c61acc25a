"""What was expected beside what happened: pairs in the order of time, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.gate.reasons import REASONS
from orchestrator.language.marks import Mark
from orchestrator.playbook.model import Expectation, Expected, Silence
from orchestrator.testing.play import Played, Stage
from orchestrator.testing.seen import Seen
from orchestrator.testing.times import instant_of

NEED_NOT_BE_LISTED = ("enters",)


@dataclass(frozen=True)
class Wanted:
    """One expectation, at its instant."""

    at: datetime
    said: Expectation


@dataclass(frozen=True)
class Row:
    """An expectation and what happened beside it; None on one side where there is nothing."""

    wanted: Wanted | None
    seen: Seen | None
    differs: tuple[str, ...] = ()
    """What is different, as sentences; empty if all is as expected."""

    @property
    def at(self) -> datetime:
        """The instant, of what happened if anything did."""
        found = self.seen or self.wanted
        assert found is not None
        return found.at

    @property
    def first(self) -> datetime:
        """The earlier of both instants."""
        return min(one.at for one in (self.seen, self.wanted) if one is not None)


@dataclass(frozen=True)
class Way:
    """One customer's way, compared."""

    customer: str
    rows: tuple[Row, ...]
    mark: Mark
    wrong: str | None = None
    """What is wrong that no row shows."""

    @property
    def differs(self) -> bool:
        """Whether anything is not as expected."""
        return self.wrong is not None or any(row.differs for row in self.rows)

    @property
    def first_difference(self) -> Row | None:
        """The earliest row that differs."""
        return min((row for row in self.rows if row.differs), key=lambda r: r.first, default=None)


def compare(stage: Stage, played: Played) -> list[Way]:
    """Return the way of each customer listed under ``expect``."""
    return [_way(stage, played, str(who), expected) for who, expected in stage.test.expect.items()]


def _way(stage: Stage, played: Played, who: str, expected: Expected) -> Way:
    seen = [one for one in played.seen if one.customer == who]
    if expected.silence is not None:
        return _silence(played, who, seen, expected.silence)
    wanted = [
        Wanted(instant_of(stage.clock, stage.zone, one.after, None, one.at), one)
        for one in expected.items
    ]
    flow = str(stage.test.flow)
    place = {id(one): number for number, one in enumerate(seen)}
    rows = sorted(
        _rows(wanted, seen, flow, partial=stage.test.partial),
        key=lambda row: (row.at, place.get(id(row.seen), -1)),
    )
    return Way(who, tuple(rows), expected.mark)


def _silence(played: Played, who: str, seen: Sequence[Seen], silence: Silence) -> Way:
    rows = tuple(
        Row(None, one, ("no message was expected",) if one.head == "receives" else ())
        for one in seen
        if one.head not in NEED_NOT_BE_LISTED
    )
    found = [one.reason for one in played.refusals if one.customer == who]
    found += [one.because for one in seen if one.because is not None]
    reason = silence.because
    wrong = None
    if reason is not None and reason not in found:
        told = ", ".join(dict.fromkeys(found)) or "none"
        wrong = f"nothing was refused because of {reason}; reasons there were: {told}"
    return Way(who, rows, silence.mark, wrong)


def _rows(
    wanted: Sequence[Wanted], seen: Sequence[Seen], flow: str, *, partial: bool
) -> Iterator[Row]:
    """Yield each expectation with what meets it, or what comes nearest to it, and the rest."""
    left = list(seen)
    unmet = []
    for one in wanted:
        meets = next((found for found in left if not _differences(one, found, flow)), None)
        if meets is None:
            unmet.append(one)
        else:
            left.remove(meets)
            yield Row(one, meets)
    for one in unmet:
        near = _nearest(one, left)
        if near is None:
            yield Row(one, None, ("this did not happen",))
        else:
            left.remove(near)
            yield Row(one, near, tuple(_differences(one, near, flow)))
    for found in left:
        if found.head in NEED_NOT_BE_LISTED:
            continue
        yield Row(None, found, () if partial else ("this was not expected",))


def _nearest(one: Wanted, left: Sequence[Seen]) -> Seen | None:
    """Return what happened of the same kind and object, else to the same message at that time."""
    same = [
        found for found in left if found.object == one.said.object and found.head == one.said.head
    ]
    same = same or [
        found
        for found in left
        if found.object == one.said.object and abs(found.at - one.at).days < 1
    ]
    same = same or [
        found
        for found in left
        if found.head == one.said.head and _minute(found.at) == _minute(one.at)
    ]
    return min(same, key=lambda found: abs(found.at - one.at), default=None)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _differences(one: Wanted, found: Seen, flow: str) -> list[str]:
    """Return what is different between an expectation and what happened, as sentences."""
    said = one.said
    wrong = []
    if not _is_same(said, found):
        wrong.append(f"expected {said.head} {said.object}")
    if _minute(one.at) != _minute(found.at):
        wrong.append("another time")
    if said.flow is not None and said.flow != found.flow:
        wrong.append(f"of the flow {found.flow}")
    elif said.flow is None and found.flow != flow:
        wrong.append(f'of the flow {found.flow}: say "flow: {found.flow}"')
    wrong += _details(said, found)
    return wrong


def _is_same(said: Expectation, found: Seen) -> bool:
    if said.head == "leaves" and found.head == "reaches" and said.object == "goal":
        return True
    if said.head != found.head:
        return False
    return said.object in (
        (found.object, found.code) if found.head == "leaves" else (found.object,)
    )


def _details(said: Expectation, found: Seen) -> Iterator[str]:
    withheld = found.because is not None and found.head not in ("held", "suppressed", "expired")
    if (said.because is not None or withheld) and said.because != found.because:
        yield f"because: {found.because or 'none'}"
    if found.error is not None:
        yield f"the message cannot be rendered: {found.error}"
    if said.channel is not None and said.channel != found.channel:
        yield f"by {found.channel}"
    if said.subject_contains and said.subject_contains not in (found.subject or ""):
        yield f'the subject is "{found.subject or ""}"'
    if said.text_contains and said.text_contains not in _flat(found.text):
        yield f'the text has no "{said.text_contains}"'


def _flat(text: str | None) -> str:
    return " ".join((text or "").split())


def reason_says(code: str | None) -> str | None:
    """Return what a reason code means, as a sentence."""
    return REASONS[code].says if code in REASONS else None
