"""What recipients are assumed to do with a message: chance with a seed, the same every time.

A draw depends on the seed and the message's key (customer, flow, entry, step, occurrence,
channel) and on nothing else, so that one message more or less changes no other's fate.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from orchestrator.counting import percent
from orchestrator.errors import UsageError
from orchestrator.importing.receipts import KINDS
from orchestrator.language.nearest import did_you_mean

WHOLE = 1_000_000
"""Shares and draws are integers out of so many."""
ENGAGED = ("opened", "clicked", "replied")
"""One draw for all: who clicks has opened."""
_DOES = {"clicked": "clicks", "replied": "replies"}

_PERCENT = re.compile(r"\d{1,3}(\.\d{1,4})?%", re.ASCII)
_Curve = tuple[tuple[int, int], ...]
_LOOK: _Curve = ((0, 60), (50, 3_600), (80, 21_600), (100, 86_400))
"""(percent of people, seconds until then): how long a message lies before it is looked at."""
_ACT: _Curve = ((0, 15), (50, 60), (100, 600))
_BOUNCE: _Curve = ((0, 2), (100, 120))
_EVENT: _Curve = ((0, 600), (50, 43_200), (100, 259_200))
_CURVES: Mapping[str, _Curve] = {
    "accepted": _BOUNCE, "delivered": _BOUNCE, "bounced": _BOUNCE, "opened": _LOOK,
}  # fmt: skip


class Sent(NamedTuple):
    """One message of a tick, as recipients get it."""

    customer: str
    """External id."""
    flow: str
    entry: int
    step: str
    occurrence: str
    channel: str
    message: str
    topic: str | None
    at: datetime


class Act(NamedTuple):
    """Something a recipient does."""

    at: datetime
    kind: str
    """A receipt's kind, or an event of the catalog."""
    key: str
    """Of the message, with the kind: an id of its own."""
    sent: Sent


def read_shares(written: Iterable[str], events: Collection[str]) -> dict[str, Decimal]:
    """Return what ``--assume`` says: ``opened=30%, clicked=4%``.

    Args:
        events: of the catalog; receipt kinds are known.
    Raises:
        UsageError: something is no ``NAME=PERCENT``, its name is unknown or said twice, or more
            do something with a message than open it.
    """
    shares: dict[str, Decimal] = {}
    for part in (part.strip() for text in written for part in text.split(",")):
        name, _, percent = (one.strip() for one in part.partition("="))
        if not _PERCENT.fullmatch(percent) or Decimal(percent[:-1]) > 100:
            raise UsageError(
                f'--assume "{part}" is not NAME=PERCENT', help="for example --assume clicked=4%"
            )
        known = (*KINDS, *sorted(events))
        if name not in known:
            raise UsageError(
                f'--assume knows no "{name}"',
                help=f"{did_you_mean(name, known)}it takes a receipt ({', '.join(KINDS)}) "
                "or an event of the catalog",
            )
        if name in shares:
            raise UsageError(f'--assume says "{name}" twice', help="name one share for each")
        shares[name] = Decimal(percent[:-1]) / 100
    _refuse_more_than_opened(shares)
    return shares


def _refuse_more_than_opened(shares: Mapping[str, Decimal]) -> None:
    for kind in ENGAGED[1:]:
        if "opened" in shares and shares.get(kind, 0) > shares["opened"]:
            told = ", ".join(f"{name}={percent(shares[name])}" for name in (kind, "opened"))
            raise UsageError(
                f"--assume {told} cannot both hold: who {_DOES[kind]} is among those who open",
                help=f"assume that at least {percent(shares[kind])} open, or leave opened out",
            )


@dataclass(frozen=True)
class Assumed:
    """How many recipients do what."""

    shares: Mapping[str, Decimal]
    """Receipt kind or event → share of the messages, 0 to 1."""
    seed: str

    def acts(self, messages: Iterable[Sent]) -> Iterator[Act]:
        """Yield what the recipients of some messages do, in no particular order."""
        for sent in messages:
            yield from self._acts(sent)

    def _acts(self, sent: Sent) -> Iterator[Act]:
        key = "/".join((*map(str, sent[:6]),))
        bounced = self._falls("bounced", key)
        if bounced:
            yield self._act("bounced", key, sent, 0)
            return
        looked = 0
        for kind in self.shares:
            if kind == "bounced" or not self._falls(kind, key):
                continue
            if kind in ENGAGED[1:]:
                looked = self._seconds("opened", key)
            yield self._act(kind, key, sent, looked if kind in ENGAGED[1:] else 0)

    def _falls(self, kind: str, key: str) -> bool:
        drawn = _draw(self.seed, "engaged" if kind in ENGAGED else kind, key)
        return drawn < int(self.shares.get(kind, 0) * WHOLE)

    def _act(self, kind: str, key: str, sent: Sent, after: int) -> Act:
        seconds = after + self._seconds(kind, key)
        return Act(sent.at + timedelta(seconds=seconds), kind, f"~assumed/{kind}/{key}", sent)

    def _seconds(self, kind: str, key: str) -> int:
        drawn = _draw(self.seed, f"delay of {kind}", key)
        default = _ACT if kind in KINDS else _EVENT
        return _at(_CURVES.get(kind, default), drawn)


def _draw(seed: str, what: str, key: str) -> int:
    digest = sha256(f"{seed}\x1f{what}\x1f{key}".encode()).digest()
    return int.from_bytes(digest[:8]) % WHOLE


def _at(curve: _Curve, drawn: int) -> int:
    """Return the seconds at a draw, straight between the points, in integers alone."""
    for (low, begin), (high, end) in pairwise(curve):
        if drawn * 100 <= high * WHOLE:
            return begin + (end - begin) * (drawn * 100 - low * WHOLE) // ((high - low) * WHOLE)
    return curve[-1][1]
