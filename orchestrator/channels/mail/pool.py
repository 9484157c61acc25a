"""Several connections to one server, held by one thread and kept from batch to batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from selectors import DefaultSelector
from time import monotonic

from orchestrator.channels.mail.delivering import Delivery, Withdrawn
from orchestrator.channels.mail.errands import Ended, Errands
from orchestrator.channels.mail.opening import NotLetIn, Patience, Relay, come_in
from orchestrator.channels.mail.wire import Lost, Need, Step, TimedOut, Wire
from orchestrator.channels.outcome import deferred

_MESSAGES_A_LANE = 5
"""A batch opens a further connection only for as many: each costs several round trips."""


class Pool:
    """Connections to one server. Not for use by several threads at once.

    Args:
        most: how many connections there may be at a time.
    """

    def __init__(self, relay: Relay, most: int) -> None:
        self._relay = relay
        self._most = most
        self._kept: list[Delivery] = []

    def carry(self, errands: Errands, messages: int) -> Iterator[Ended]:
        """Deliver a batch and yield each message as it ends.

        If nobody asks for the next any more, what is at the wire is given up.
        """
        turns = Turns()
        lanes = min(self._most, -(-messages // _MESSAGES_A_LANE))
        try:
            while errands.are_left and errands.failure is None:
                for _ in range(lanes):
                    turns.begin(self._lane(errands))
                lanes = 1
                while turns.are_left:
                    turns.take()
                    yield from errands.ended()
            errands.end_rest()
            yield from errands.ended()
        finally:
            turns.close()

    def check(self) -> str | None:
        """Open a connection, ask whether the server is there, and return what is wrong.

        Somebody waits for the answer, so it is there within some 15 seconds.
        """
        turns, found = Turns(), []
        short = Patience.of_a_look().at_most(self._relay.patience)

        def ask() -> Step[None]:
            try:
                delivery = yield from self._open(replace(self._relay, patience=short))
                try:
                    yield from delivery.noop()
                finally:
                    delivery.close()
            except (NotLetIn, Lost) as error:
                found.append(str(error))

        turns.begin(ask())
        try:
            while turns.are_left:
                turns.take()
        finally:
            turns.close()
        return found[0] if found else None

    def close(self) -> None:
        """Take leave on all connections."""
        while self._kept:
            self._kept.pop().close()

    def _lane(self, errands: Errands) -> Step[None]:
        """Deliver over one connection; over a new one when it is lost, while that makes sense."""
        while errands.are_left:
            try:
                delivery = self._kept_one() or (yield from self._open(self._relay))
                yield from delivery.carry(errands)
            except NotLetIn as error:
                errands.failure = error.outcome
                return
            except Withdrawn:
                continue
            except Lost as lost:
                if isinstance(lost, TimedOut) or not delivery.has_accepted:
                    errands.failure = deferred(str(lost))
                    return
            else:
                self._kept.append(delivery)

    def _kept_one(self) -> Delivery | None:
        while self._kept:
            delivery = self._kept.pop()
            if delivery.is_usable:
                return delivery
            delivery.close()
        return None

    def _open(self, relay: Relay) -> Step[Delivery]:
        wire = Wire()
        try:
            offers = yield from come_in(wire, relay)
        except BaseException:
            wire.close()
            raise
        return Delivery(wire, offers, relay.patience)


class Turns:
    """Steps that take turns, each when what it needs is there or its time is up."""

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._needs: dict[Step[None], Need] = {}

    @property
    def are_left(self) -> bool:
        """Whether some have not ended."""
        return bool(self._needs)

    def begin(self, step: Step[None]) -> None:
        """Let a step go as far as it can without waiting."""
        self._go_on(step)

    def take(self) -> None:
        """Wait until something goes on, and let that go as far as it can."""
        first = min(need.deadline for need in self._needs.values())
        for key, _ in self._selector.select(max(0.0, first - monotonic())):
            self._go_on(key.data)
        now = monotonic()
        for step, need in list(self._needs.items()):
            if need.deadline <= now:
                self._go_on(step, TimedOut("the server does not answer in time"))

    def close(self) -> None:
        """Give up what has not ended."""
        for step in list(self._needs):
            self._needs.pop(step)
            step.close()
        self._selector.close()

    def _go_on(self, step: Step[None], late: TimedOut | None = None) -> None:
        before = self._needs.pop(step, None)
        try:
            need = step.throw(late) if late else next(step)
        except StopIteration:
            need = None
        if before is not None and (need is None or need[:2] != before[:2]):
            with suppress(KeyError, ValueError):
                self._selector.unregister(before.socket)
            before = None
        if need is not None:
            if before is None:
                self._selector.register(need.socket, need.events, step)
            self._needs[step] = need
