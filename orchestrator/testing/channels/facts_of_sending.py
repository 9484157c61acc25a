"""Facts of sending: one attempt, one honest answer, within its time."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

from orchestrator.channels.base import Channel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.clock import utcnow
from orchestrator.delivery.hearing import LONGEST_TEXT
from orchestrator.testing.channels.kit import ANY, Attempt, Kit, seconds_of
from orchestrator.testing.channels.provider import HONEST, Behaviour

GRACE_SECONDS = 1.0
"""How much later than its own limit an attempt may end on a busy machine."""
VERIFIED_SECONDS = 20.0
"""After which nobody waits for ``verify``."""

_MAY_BE_TAKEN = "it may have been taken, so anything else loses it or sends it twice"
ADVICE: dict[Behaviour, str] = {
    "accept": "return accepted(…) when the provider says that it took it, and only then",
    "defer": "return deferred(…): it surely was not taken, and is worth another try",
    "reject": "return rejected(…): this message will never be taken",
    "refuse": "return refused(…): we are not let in, whatever the message",
    "down": "return deferred(…): without a connection nothing can have left",
    "break_before": "return deferred(…) where it surely was not sent whole, else unknown(…)",
    **dict.fromkeys(("break_after", "hang", "trickle"), f"return unknown(…): {_MAY_BE_TAKEN}"),
    "garble": f"return unknown(…) unless the answer says clearly that it was: {_MAY_BE_TAKEN}",
    "trouble": f"return unknown(…): {_MAY_BE_TAKEN}",
}
"""What a developer does about an answer that is not honest."""


def answers_are_honest(kit: Kit) -> Iterator[str]:
    """Each send is one attempt with one honest outcome, whatever the provider does."""
    for behaviour, honest in HONEST.items():
        if not kit.can(behaviour):
            continue
        with kit.open() as adapter:
            done = kit.attempt(adapter, kit.fresh())
            limit = adapter.capabilities.timeout.total_seconds() + GRACE_SECONDS
        lead = f"when the provider does {behaviour}"
        if not done.is_one_of(honest):
            expected = " or ".join(sorted(honest))
            yield f"{lead}: {done.kind}, expected {expected}: {_advice(done, behaviour)}"
        if done.seconds > limit:
            yield f"{lead}: the attempt took {done.seconds:.1f} s, its limit is {limit:.1f} s"
        if len(done.arrived) > 1:
            yield f"{lead}: {len(done.arrived)} attempts instead of one"
        if behaviour == "accept" and not done.arrived and kit.sees:
            yield f"{lead}: nothing arrived"
        yield from (f"{lead}: {wrong}" for wrong in wrong_with_outcome(done, kit.message))
    yield from _waits_as_asked(kit)
    kit.provider.behave("accept")


def _advice(done: Attempt, behaviour: Behaviour) -> str:
    if done.error is not None:
        return f"send() raises nothing, so catch it; {ADVICE[behaviour]}"
    if not isinstance(done.outcome, Outcome):
        return f"send() returns an Outcome and nothing else; {ADVICE[behaviour]}"
    return ADVICE[behaviour]


def _waits_as_asked(kit: Kit) -> Iterator[str]:
    asked = kit.provider.retry_after
    if asked is None or not kit.can("defer"):
        return
    with kit.open() as adapter:
        outcome = kit.attempt(adapter, kit.fresh()).outcome
    waits = outcome.retry_after if isinstance(outcome, Outcome) else None
    if waits is None or waits < asked:
        yield f"the provider asks for {asked}, and retry_after is {waits}"


def wrong_with_outcome(done: Attempt, message: OutgoingMessage) -> Iterator[str]:
    """Yield what is wrong with the parts of an outcome."""
    outcome = done.outcome
    if not isinstance(outcome, Outcome):
        return
    for name in ("provider_id", "code", "detail"):
        text = getattr(outcome, name)
        if text is not None and not isinstance(text, str):
            yield f"outcome.{name} is {type(text).__name__}, not text"
        elif text and (not text.isprintable() or len(text) > LONGEST_TEXT):
            yield f"outcome.{name} is not one short line: {text[:80]!r}"
        elif text and name != "provider_id" and _tells(text, message):
            yield f"outcome.{name} tells the address or the content: {text[:80]!r}"
    if outcome.kind != "accepted" and not outcome.detail:
        yield "an outcome that is not accepted has a detail, for people"
    if outcome.retry_after is not None and outcome.retry_after < timedelta():
        yield f"outcome.retry_after is {outcome.retry_after}"


def _tells(text: str, message: OutgoingMessage) -> bool:
    personal = (message.to, message.text, message.subject)
    return any(one and len(one) > 3 and one in text for one in personal)


def the_key_is_carried(kit: Kit) -> Iterator[str]:
    """An idempotent adapter carries the same key at every attempt."""
    kit.provider.behave("accept")
    with kit.open() as adapter:
        if not adapter.capabilities.idempotent:
            return
        message = kit.fresh()
        again = replace(message, attempt=2, possible_duplicate=True)
        for done in (kit.attempt(adapter, message), kit.attempt(adapter, again)):
            if not done.arrived:
                continue  # it knows the message, and need not write it twice
            if not _carries_key(done, message, adapter):
                yield f"attempt arrived without the key {message.provider_key}"


def _carries_key(done: Attempt, message: OutgoingMessage, adapter: Channel) -> bool:
    arrived = b"".join(done.arrived)
    return message.provider_key.encode() in arrived or message.key.encode() in arrived


def expiry_is_told(kit: Kit) -> Iterator[str]:
    """An adapter that can let messages expire tells the provider when."""
    kit.provider.behave("accept")
    with kit.open() as adapter:
        if not adapter.capabilities.expiry:
            return
        message, now = kit.fresh(expires_at=None), utcnow()
        spans: tuple[timedelta | None, ...] = (None, timedelta(hours=3), timedelta(hours=30))
        never, soon, late = (
            kit.attempt(adapter, replace(message, expires_at=now + span if span else None))
            for span in spans
        )
        if soon.kind == "accepted" and _is_same(never, soon):
            yield "a message that expires arrives like one that does not"
        elif soon.arrived and soon.kind == late.kind == "accepted" and _is_same(soon, late):
            yield "a message that expires in 3 hours arrives like one that does in 30"


def _is_same(first: Attempt, second: Attempt) -> bool:
    return list(first.arrived) == list(second.arrived)


def messages_stay_as_they_are(kit: Kit) -> Iterator[str]:
    """It changes nothing of a message: every attempt carries the same one."""
    kit.provider.behave("accept")
    message = kit.fresh(fields={"name": ["value"]})
    before = deepcopy(message)
    with kit.open() as adapter:
        kit.attempt(adapter, message)
    if message != before:
        yield "send() changed the message it was given"


def checking_is_harmless(kit: Kit) -> Iterator[str]:
    """check() returns sentences, raises nothing, whatever the provider does."""
    for behaviour in ("accept", "refuse", "down"):
        if not kit.can(behaviour):
            continue
        with kit.open() as adapter:
            try:
                with kit.watch.call("check()", seconds_of(adapter)):
                    found = adapter.check()
            except ANY as error:
                kit.heard.raised.append(error)
                yield f"check() raised {type(error).__name__} when the provider does {behaviour}"
                continue
            kit.heard.told += [str(one) for one in found]
        if isinstance(found, str) or not all(isinstance(one, str) for one in found):
            yield f"check() returned {found!r} instead of sentences"
        elif behaviour == "accept" and found:
            yield f"check() finds fault with a provider that is well: {found[0]}"
    kit.provider.behave("accept")


def verifying_is_honest(kit: Kit) -> Iterator[str]:
    """verify() says of a message only what the provider has told of it."""
    kit.provider.behave("accept")
    with kit.open() as adapter:
        if not adapter.capabilities.verify:
            return
        taken = kit.fresh()
        kit.attempt(adapter, taken)
        if _verified(kit, adapter, kit.fresh()) == "accepted":
            yield "verify() says that a message was taken which was never sent"
        for behaviour in ("down", "refuse", "trouble", "garble", "hang"):
            said = _verified(kit, adapter, taken) if kit.can(behaviour) else None
            if said in ("deferred", "rejected"):
                yield (
                    f"when the provider does {behaviour}, verify() says {said} of a message that "
                    "was taken: it would be sent again, or given up; return None where nobody tells"
                )
    kit.provider.behave("accept")


def _verified(kit: Kit, adapter: Channel, message: OutgoingMessage) -> str | None:
    """Return the kind of what ``verify`` says; None if that is nothing."""
    try:
        with kit.watch.call("verify()", VERIFIED_SECONDS):
            said = adapter.verify(message)
    except ANY as error:  # as good as None for the dispatcher
        kit.heard.raised.append(error)
        return None
    return said.kind if isinstance(said, Outcome) else None
