"""Facts of instances: they recover, close, and stand apart, in any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from threading import Thread
from typing import TypeVar

from orchestrator.testing.channels.kit import ANY, SECONDS, Kit
from orchestrator.testing.channels.provider import Behaviour

T = TypeVar("T")
PUT_OFF: tuple[Behaviour, ...] = ("defer", "down")
_NO_THREADS = "keep nothing that belongs to one thread, nor signals"


def closing_ends_nothing(kit: Kit) -> Iterator[str]:
    """It can be closed twice, and used again after it."""
    kit.provider.behave("accept")
    adapter = kit.make()
    for _ in range(2):
        done = kit.attempt(adapter, kit.fresh())
        if done.kind != "accepted":
            yield f"after close(): {done.kind}"
        kit.close(adapter)
        kit.close(adapter)


def it_recovers(kit: Kit) -> Iterator[str]:
    """One instance sends again after the provider hung up, was silent, or was gone."""
    for behaviour in ("break_after", "down", "hang"):
        if not kit.can(behaviour):
            continue
        with kit.open() as adapter:
            kit.attempt(adapter, kit.fresh())
            if behaviour == "hang" and kit.can("reject"):
                late = kit.attempt(adapter, kit.fresh()).kind
                if late == "accepted":
                    yield (
                        "after hang the provider rejects, and it says accepted: the answer of the "
                        "message before; close a connection whose answer did not come in time"
                    )
            kit.provider.behave("accept")
            done = kit.attempt(adapter, kit.fresh())
            if done.kind != "accepted":
                yield (
                    f"after {behaviour} the provider accepts again, and it says {done.kind}: let "
                    "go of a connection that failed, and open another one for the next message"
                )
    kit.provider.behave("accept")


def what_was_put_off_leaves_later(kit: Kit) -> Iterator[str]:
    """A message that was surely not taken is sent at its next attempt, by the same instance."""
    for behaviour in PUT_OFF:
        if not kit.can(behaviour):
            continue
        with kit.open() as adapter:
            message = kit.fresh()
            kit.attempt(adapter, message)
            kit.provider.behave("accept")
            done = kit.attempt(adapter, replace(message, attempt=2))
        if done.kind != "accepted" or (kit.sees and not done.arrived):
            yield (
                f"after {behaviour} its next attempt is {done.kind}, and {len(done.arrived)} "
                "arrived: remember of a message only that it was accepted"
            )
    kit.provider.behave("accept")


def other_threads_may_use_it(kit: Kit) -> Iterator[str]:
    """It is made in one thread, used in another, and closed in a third."""
    kit.provider.behave("accept")
    with kit.watch.call("opening it", SECONDS):
        adapter = _elsewhere(kit.make)
    done = kit.attempt(adapter, kit.fresh())
    if done.kind != "accepted":
        yield f"used in another thread than it was made in: {done.kind}; {_NO_THREADS}"
    try:
        with kit.watch.call("close()", SECONDS):
            _elsewhere(adapter.close)
    except ANY as error:
        yield f"closed in another thread: raised {type(error).__name__}; {_NO_THREADS}"


def _elsewhere(work: Callable[[], T]) -> T:
    """Return what comes of some work in a thread of its own, which nothing waits for at the end."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again by who waits
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    return done.result()


def instances_are_apart(kit: Kit) -> Iterator[str]:
    """Closing one instance ends nothing that another one does."""
    kit.provider.behave("accept")
    with kit.open() as adapter:
        kit.attempt(adapter, kit.fresh())
        with kit.open() as other:
            kit.attempt(other, kit.fresh())
        done = kit.attempt(adapter, kit.fresh())
    if done.kind != "accepted":
        yield (
            f"after another instance was closed: {done.kind}; every instance has connections of "
            "its own, and shares nothing that close() closes"
        )
