"""Receipts that come at the same time are written together: one flush to the disk for all."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock

from sqlalchemy import Connection

from orchestrator.channels.receipt import Receipt
from orchestrator.delivery.line import Line
from orchestrator.delivery.receiving import (
    Origin,
    Received,
    is_about_a_call_under_way,
    is_sound,
    receive,
)
from orchestrator.errors import EnvironmentFault

STRAGGLERS_SECONDS = 2.0
"""How long receipts wait for the result of a call that they may belong to."""
_PAUSE_SECONDS = 0.1


@dataclass(eq=False)
class _Brought:
    """What one request has brought."""

    origin: Origin
    receipts: Sequence[Receipt]
    received: Received | None = None
    fault: BaseException | None = None


@dataclass
class Inbox:
    """Takes receipts of many threads; whoever comes first writes for all who have come since."""

    line: Line
    _waiting: list[_Brought] = field(default_factory=list)
    _listing: Lock = field(default_factory=Lock)
    _turn: Lock = field(default_factory=Lock)

    def take(
        self, origin: Origin, receipts: Sequence[Receipt], topics: Mapping[str, str], now: datetime
    ) -> Received:
        """Return what came of receipts, once they are durable.

        Of several requests that were written together one hears of all that was new.

        Raises:
            EnvironmentFault: the database failed; the same receipts may come again.
        """
        sound = [one for one in receipts if is_sound(one)]
        self._await_results(origin, sound)
        mine = _Brought(origin, sound)
        with self._listing:
            self._waiting.append(mine)
        with self._turn:
            if mine.received is None and mine.fault is None:
                with self._listing:
                    together, self._waiting = self._waiting, []
                self._write(together, topics, now)
        if mine.fault is not None:
            raise mine.fault
        assert mine.received is not None
        mine.received.unknown += len(receipts) - len(sound)
        return mine.received

    def _await_results(self, origin: Origin, receipts: Sequence[Receipt]) -> None:
        until = time.monotonic() + STRAGGLERS_SECONDS
        if all(one.provider_key or not one.provider_id for one in receipts):
            return
        look = partial(is_about_a_call_under_way, origin=origin, receipts=receipts)
        while self.line.read(look) and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)

    def _write(
        self, together: Sequence[_Brought], topics: Mapping[str, str], now: datetime
    ) -> None:
        """Write in one transaction; if that fails for what one brought, each for itself."""
        by_origin: dict[Origin, list[_Brought]] = {}
        for one in together:
            by_origin.setdefault(one.origin, []).append(one)

        def work(connection: Connection) -> dict[Origin, Received]:
            return {
                origin: receive(connection, origin, _all_of(some), topics, now)
                for origin, some in by_origin.items()
            }

        try:
            written = self.line.write(work)
        except Exception as error:  # noqa: BLE001  # raised again in the threads they belong to
            if len(together) > 1 and not isinstance(error, EnvironmentFault):
                for one in together:
                    self._write([one], topics, now)
                return
            for one in together:
                one.fault = error
            return
        for origin, (first, *others) in by_origin.items():
            first.received = written[origin]
            for one in others:
                one.received = Received(left=written[origin].left)


def _all_of(some: Sequence[_Brought]) -> list[Receipt]:
    return [receipt for one in some for receipt in one.receipts]
