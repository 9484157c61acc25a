"""Facts of receipts: forged ones are refused, the same one twice is the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from orchestrator.channels.base import Channel
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt
from orchestrator.testing.channels.kit import ANY, Kit
from orchestrator.testing.channels.provider import Callbacks

_STRANGE = (
    b"", b"{", b"[]", b"null", b"7", b"{}", b"\xff\xfe{}", b'{"a": NaN}', b'{"id": {"id": []}}',
    b"[" * 100_000, b'{"a":' * 100_000, b'{"a": 1' + b"0" * 5_000 + b"}", b"a=%ff&b=%00", b"\x00",
    b"[" + b",".join(b'{"event": %d}' % number for number in range(1_000)) + b"]",
)  # fmt: skip


def genuine_callbacks_are_read(kit: Kit) -> Iterator[str]:
    """A genuine callback is read, and read again gives the same receipts."""
    callbacks = _callbacks(kit)
    if callbacks is None:
        if kit.make().receipts.__func__ is not Channel.receipts:  # type: ignore[attr-defined]  # a bound method
            yield "it reads receipts, and the suite got no callbacks to try it with"
        return
    with kit.open() as adapter:
        message = kit.fresh()
        sent = kit.attempt(adapter, message)
        provider_id = getattr(sent.outcome, "provider_id", None)
        callback = callbacks.delivered(message, provider_id)
        first, second = _read(adapter, callback), _read(adapter, callback)
        if not isinstance(first, list) or not first:
            yield f"a genuine callback gave {first!r}"
            return
        if [one.source_id for one in first] != [one.source_id for one in second]:
            yield "the same callback twice has two different source_ids"
        if len({one.source_id for one in first}) < len(first) or not all(
            one.source_id for one in first
        ):
            yield "receipts of one callback share a source_id, or have none"
        if not any(
            one.provider_key == message.provider_key
            or (provider_id and one.provider_id == provider_id)
            for one in first
        ):
            yield "no receipt says by provider_key or provider_id which message it is about"
        if any(one.at.utcoffset() != timedelta() for one in first):
            yield "receipt.at is not UTC"


def forged_callbacks_are_refused(kit: Kit) -> Iterator[str]:
    """Without its signature, or with another octet in its body, a callback is refused."""
    callbacks = _callbacks(kit)
    if callbacks is None:
        return
    with kit.open() as adapter:
        message = kit.fresh()
        sent = kit.attempt(adapter, message)
        good = callbacks.delivered(message, getattr(sent.outcome, "provider_id", None))
        bare = replace(good, headers={}, url=good.url.partition("?")[0])
        forged = {
            "without any header": bare,
            "with a space after its body": replace(good, body=good.body + b" "),
            "with a space before its body": replace(good, body=b" " + good.body),
            "without its body": replace(good, body=b""),
        }
        for how, callback in forged.items():
            read = _read(adapter, callback)
            if read is not ForgedCallback:
                yield f"a callback {how} was not refused as forged: {read!r}"
        if not any(_read(adapter, one) is ForgedCallback for one in _bent(good)):
            yield "no header and no part of the address matters to its signature"


def _bent(callback: Callback) -> Iterator[Callback]:
    """Yield a callback with one header or its query changed."""
    for name, value in callback.headers.items():
        yield replace(callback, headers={**callback.headers, name: value[:-1] + "~"})
    if "?" in callback.url:
        yield replace(callback, url=callback.url[:-1] + "~")


def strange_callbacks_are_harmless(kit: Kit) -> Iterator[str]:
    """A rightly signed callback that makes no sense is a ValueError or no receipts."""
    callbacks = _callbacks(kit)
    if callbacks is None:
        return
    with kit.open() as adapter:
        for body in _STRANGE:
            read = _read(adapter, callbacks.signed(body))
            if not isinstance(read, list) and read not in (ValueError, ForgedCallback):
                yield f"a signed callback of {body[:40]!r} gave {read!r}"


def _read(adapter: Channel, callback: Callback) -> Any:
    """Return the receipts as a list, or the class of what was raised."""
    try:
        found: Sequence[Receipt] = adapter.receipts(callback)
    except ForgedCallback:
        return ForgedCallback
    except ValueError:
        return ValueError
    except ANY as error:
        return error
    return list(found)


def _callbacks(kit: Kit) -> Callbacks | None:
    kit.provider.behave("accept")
    return kit.callbacks
