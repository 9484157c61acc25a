"""Facts of receipts: forged ones are refused, the same one twice is the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from orchestrator.channels.base import Channel
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt
from orchestrator.testing.channels.kit import ANY, SECONDS, Kit
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
        first, second = _read(kit, adapter, callback), _read(kit, adapter, callback)
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
            read = _read(kit, adapter, callback)
            if read is not ForgedCallback:
                yield f"a callback {how} was not refused as forged: {read!r}"
        matters = [
            name
            for name in good.headers
            if _read(kit, adapter, _bent(good, name)) is ForgedCallback
        ]
        is_in_url = _read(kit, adapter, replace(good, url=good.url[:-1] + "~")) is ForgedCallback
        if not matters and not ("?" in good.url and is_in_url):
            yield "no header and no part of the address matters to its signature"
        for name in matters:
            yield from _cut_short(kit, adapter, good, name)


def _bent(callback: Callback, name: str) -> Callback:
    """Return a callback with the end of one header changed."""
    return _with(callback, name, callback.headers[name][:-1] + "~")


def _cut_short(kit: Kit, adapter: Channel, good: Callback, name: str) -> Iterator[str]:
    """Yield what is believed of a signature of which only the beginning is there."""
    value = good.headers[name]
    for how, said in {"empty": "", "cut short": value[: len(value) // 2]}.items():
        read = _read(kit, adapter, _with(good, name, said))
        if read is not ForgedCallback:
            yield (
                f"a callback whose {name} is {how} was not refused as forged: {read!r}; compare "
                "all of it by hmac.compare_digest"
            )


def _with(callback: Callback, name: str, value: str) -> Callback:
    return replace(callback, headers={**callback.headers, name: value})


def strange_callbacks_are_harmless(kit: Kit) -> Iterator[str]:
    """A rightly signed callback that makes no sense is a ValueError or no receipts."""
    callbacks = _callbacks(kit)
    if callbacks is None:
        return
    with kit.open() as adapter:
        for body in _STRANGE:
            read = _read(kit, adapter, callbacks.signed(body))
            if not isinstance(read, list) and read not in (ValueError, ForgedCallback):
                yield f"a signed callback of {body[:40]!r} gave {read!r}"


def _read(kit: Kit, adapter: Channel, callback: Callback) -> Any:
    """Return the receipts as a list, or the class of what was raised."""
    try:
        with kit.watch.call("receipts()", SECONDS):
            found: Sequence[Receipt] = adapter.receipts(callback)
    except ForgedCallback:
        return ForgedCallback
    except ValueError as error:
        kit.heard.raised.append(error)
        return ValueError
    except ANY as error:
        return error
    return list(found)


def _callbacks(kit: Kit) -> Callbacks | None:
    kit.provider.behave("accept")
    return kit.callbacks
