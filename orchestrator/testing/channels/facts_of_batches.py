"""Facts of batches: one outcome each, and none leaves that was not to begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from orchestrator.channels.base import Channel, MayBegin
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.testing.channels.facts_of_sending import ADVICE
from orchestrator.testing.channels.kit import ANY, Kit, seconds_of, traces_of
from orchestrator.testing.channels.provider import HONEST

_MANY = 5
_REFUSED = 2
"""Which of them is not to begin, counted from 0."""
_NO_PAIRS = "send_batch() yields pairs: a message, and its outcome, None if it was not to begin"
_UNASKED = frozenset((None, "deferred", "refused", "rejected"))
"""What becomes of a message of which ``may_begin`` was not asked: it has not left."""


class NoPairs(Exception):
    """What ``send_batch`` returned are no messages with their outcomes."""


def batches_are_several_sends(kit: Kit) -> Iterator[str]:
    """Each message of a batch has one outcome; one that may not begin has None and stays."""
    kit.provider.behave("accept")
    messages = [kit.fresh() for _ in range(_MANY)]
    held = messages[_REFUSED].key
    before, asked = len(kit.provider.arrived()), list[str]()

    def may_begin(message: OutgoingMessage) -> bool:
        asked.append(message.key)
        return message.key != held

    given = list(messages)
    was = deepcopy(messages)
    with kit.open() as adapter:
        try:
            done = _sent(kit, adapter, given, may_begin)
        except NoPairs:
            yield _NO_PAIRS
            return
        except ANY as error:
            yield f"send_batch() raised {type(error).__name__}"
            return
    if messages != was or given != was:
        yield "send_batch() changed a message, or the list, it was given: make a copy first"
    if sorted(message.key for message, _ in done) != sorted(message.key for message in messages):
        yield f"{len(messages)} messages, {len(done)} answers, not one for each"
    if set(asked) != {message.key for message in messages}:
        yield "may_begin was not asked about each message"
    for message, outcome in done:
        if message.key == held and outcome is not None:
            yield "a message that was not to begin has an outcome instead of None"
        elif message.key != held and (not isinstance(outcome, Outcome) or _failed(outcome)):
            yield f"a message that may begin has {outcome!r}"
    arrived = kit.provider.arrived()[before:]
    if traces_of(messages[_REFUSED], b"".join(arrived)):
        yield "a message that was not to begin arrived"


def batches_are_honest(kit: Kit) -> Iterator[str]:
    """Each message of a batch has one honest outcome, whatever the provider does."""
    with kit.open() as adapter:
        if type(adapter).send_batch is Channel.send_batch:
            return
    for behaviour, honest in HONEST.items():
        if not kit.can(behaviour):
            continue
        messages, asked = [kit.fresh(), kit.fresh()], set[str]()

        def may_begin(message: OutgoingMessage, asked: set[str] = asked) -> bool:
            asked.add(message.key)
            return True

        before, lead = len(kit.provider.arrived()), f"a batch when the provider does {behaviour}"
        with kit.open() as adapter:
            try:
                done = _sent(kit, adapter, messages, may_begin)
            except NoPairs:
                return  # told already
            except ANY as error:
                yield f"{lead}: raised {type(error).__name__}: {ADVICE[behaviour]}"
                continue
        arrived = b"".join(kit.provider.arrived()[before:])
        for message, outcome in done:
            may: set[str | None] = {*honest} if message.key in asked else {*_UNASKED}
            if "unknown" in honest and not traces_of(message, arrived):
                may.add("deferred")
            kind = outcome.kind if isinstance(outcome, Outcome) else outcome
            if kind not in may:
                yield f"{lead}: {kind!r} for one: {ADVICE[behaviour]}"
    kit.provider.behave("accept")


def _sent(
    kit: Kit, adapter: Channel, messages: Sequence[OutgoingMessage], may_begin: MayBegin
) -> list[tuple[OutgoingMessage, Outcome | None]]:
    """Return what ``send_batch`` tells, in its time.

    Raises:
        NoPairs: it tells something else.
    """
    with kit.watch.call("send_batch()", seconds_of(adapter, len(messages))):
        answers: Any = adapter.send_batch(messages, may_begin)
        done = list(answers) if isinstance(answers, Iterable) else None
    if done is None or any(not isinstance(one, tuple) or len(one) != 2 for one in done):
        raise NoPairs
    kit.heard.outcomes += [one for _, one in done if isinstance(one, Outcome)]
    return done


def _failed(outcome: Outcome) -> bool:
    return outcome.kind != "accepted"


def what_was_not_asked_for_stays(kit: Kit) -> Iterator[str]:
    """A batch that is given up leaves those unsent for which nobody asked yet."""
    kit.provider.behave("accept")
    messages, asked = [kit.fresh() for _ in range(_MANY)], list[OutgoingMessage]()

    def may_begin(message: OutgoingMessage) -> bool:
        asked.append(message)
        return True

    before = len(kit.provider.arrived())
    with kit.open() as adapter, kit.watch.call("send_batch()", seconds_of(adapter, len(messages))):
        for _ in adapter.send_batch(messages, may_begin):
            break
    unasked = [one for one in messages if one not in asked]
    arrived = b"".join(kit.provider.arrived()[before:])
    if any(traces_of(one, arrived) for one in unasked):
        yield "a message left before may_begin was asked about it"


def one_failure_takes_no_other_along(kit: Kit) -> Iterator[str]:
    """What a provider rejects fails alone, and an empty batch is no error."""
    kit.provider.behave("accept")
    with kit.open() as adapter:
        if _sent(kit, adapter, [], _yes):
            yield "an empty batch has outcomes"
        messages = [kit.fresh(), kit.fresh(to="\r\n"), kit.fresh()]
        try:
            done = {one.key: outcome for one, outcome in _sent(kit, adapter, messages, _yes)}
        except NoPairs:
            return  # told already
        except ANY as error:
            yield f"one bad address ends the batch with {type(error).__name__}"
            return
    for message in (messages[0], messages[2]):
        outcome = done.get(message.key)
        if outcome is None or outcome.kind != "accepted":
            yield f"beside a message with a bad address another one is {outcome}"


def _yes(_: OutgoingMessage) -> bool:
    return True
