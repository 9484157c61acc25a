"""Adapters by name: the built-in ones, and those that installed packages bring.

A package registers an adapter as an entry point of the group ``clmctl.channels`` that names
its class. No adapter is imported before ``channels.yaml`` names it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import get_args

from orchestrator.channels.base import Capabilities, Channel
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.spec import CHANNELS, WEBHOOK, AddressKind, ChannelSpec
from orchestrator.errors import EnvironmentFault
from orchestrator.packages import Brought, a

BUILT_IN: dict[str, str] = {
    "audience": "orchestrator.channels.audience:AudienceChannel",
    "call_task": "orchestrator.channels.call_task:CallTaskChannel",
    "chat": "orchestrator.channels.chat:ChatChannel",
    "direct_mail": "orchestrator.channels.direct_mail:DirectMailChannel",
    "dry_run": "orchestrator.channels.dry_run:DryRunChannel",
    "email": "orchestrator.channels.email:EmailChannel",
    "file": "orchestrator.channels.file:FileChannel",
    "onsite": "orchestrator.channels.onsite:OnsiteChannel",
    "push": "orchestrator.channels.push:PushChannel",
    "sms": "orchestrator.channels.sms:SmsChannel",
    "webhook": "orchestrator.channels.webhook:WebhookChannel",
    "whatsapp": "orchestrator.channels.whatsapp:WhatsappChannel",
}
"""Name → module and class."""
CALLED: dict[str, str] = {
    **dict.fromkeys(("smtp", "smtps", "mail", "e_mail", "esmtp", "sendmail", "relay"), "email"),
    **dict.fromkeys(("twilio", "text", "text_message", "texts", "mms"), "sms"),
    **dict.fromkeys(("meta", "cloud_api", "wa", "whatsapp_cloud"), "whatsapp"),
    **dict.fromkeys(
        ("fcm", "firebase", "apns", "web_push", "webpush", "vapid", "notification"), "push"
    ),
    **dict.fromkeys(("http", "https", "rest", "hook"), "webhook"),
    **dict.fromkeys(("slack", "teams", "telegram", "discord", "apprise"), "chat"),
    **dict.fromkeys(("ads", "google_ads", "facebook", "facebook_ads", "retargeting"), "audience"),
    **dict.fromkeys(("letter", "post", "postal", "print"), "direct_mail"),
    **dict.fromkeys(("call", "calls", "telephone"), "call_task"),
    **dict.fromkeys(("banner", "website", "web", "site"), "onsite"),
    **dict.fromkeys(("folder", "files", "outbox", "json", "disk"), "file"),
    **dict.fromkeys(("dryrun", "none", "null", "noop", "off", "fake", "console"), "dry_run"),
}
"""What people call an adapter, or its channel, in small letters → its name, for hints alone."""
FORMATS = frozenset(("html", "md", "txt", "json"))
_RESERVED = frozenset(("preferred",))
"""What stands for other channels where one could stand."""
_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
LONGEST_CALL = timedelta(days=1)
BROUGHT = Brought("clmctl.channels", "adapter")
_brought: dict[str, type[Channel]] = {}
"""Those of packages that were asked for."""


def adapter_names() -> list[str]:
    """Return the names of all adapters there are, built-in ones first."""
    return [*BUILT_IN, *(name for name in BROUGHT.names() if name not in BUILT_IN)]


def carrying(channel: str) -> list[str]:
    """Return the names of the known adapters that can carry a channel, its own first.

    Those of packages are known once they were asked for.
    """
    found = {**{name: _built_in(name) for name in BUILT_IN}, **_brought}
    able = [name for name, one in found.items() if one.spec is None or one.spec.name == channel]
    return sorted(able, key=lambda name: (name != channel, name))


def meant_by(name: str) -> str | None:
    """Return the name of the adapter that others call so, None if it is not known."""
    return CALLED.get(name.casefold().replace("-", "_").replace(" ", "_"))


def find_adapter(name: str) -> type[Channel]:
    """Return the adapter of that name, importing it; the channel it brings joins the language.

    Raises:
        LookupError: there is no adapter of that name.
        EnvironmentFault: it cannot be loaded, or is not what an adapter must be.
    """
    if name in BUILT_IN:
        return _built_in(name)
    if name in _brought:
        return _brought[name]
    if name not in BROUGHT.names():
        raise LookupError(name)
    found = BROUGHT.load(name)
    if not isinstance(found, type) or not issubclass(found, Channel):
        kind = found.__name__ if isinstance(found, type) else a(type(found))
        raise BROUGHT.fault(name, f"is no Channel, but {kind}")
    wrong = wrong_with(found, name)
    if wrong is not None:
        raise BROUGHT.fault(name, wrong)
    _join(found, name)
    _brought[name] = found
    return found


def _built_in(name: str) -> type[Channel]:
    module, _, cls = BUILT_IN[name].partition(":")
    try:
        found: type[Channel] = getattr(importlib.import_module(module), cls)
    except ImportError as error:
        message = f'the adapter "{name}" needs {error.name or error}, which is not installed'
        raise EnvironmentFault(message, help=f"pip install {error.name or ''}".rstrip()) from None
    return found


def _join(adapter: type[Channel], name: str) -> None:
    """Add the channel of an adapter to those that messages can be sent on."""
    if adapter.spec is None or adapter.spec.name == WEBHOOK:
        return
    try:
        CHANNELS.join(adapter.spec)
    except ValueError as error:
        raise BROUGHT.fault(name, f"cannot be used: {error}") from None


def wrong_with(adapter: type[Channel], name: str) -> str | None:
    """Return what is wrong with the class of an adapter, to go on a sentence; None if nothing."""
    called = getattr(adapter, "name", None)
    if called != name:
        return f'calls itself "{called}": its name and its entry point must be the same'
    if not hasattr(adapter, "spec") or not isinstance(adapter.spec, ChannelSpec | None):
        return "says no channel: spec is a ChannelSpec, or None for any channel"
    settings = getattr(adapter, "Settings", None)
    if not isinstance(settings, type) or not issubclass(settings, ChannelSettings):
        return "has no Settings derived from ChannelSettings"
    able = getattr(adapter, "capabilities", None)
    if not isinstance(able, Capabilities):
        return "has no Capabilities"
    unsound = [*unsound_spec(adapter.spec), *unsound_capabilities(able)]
    if unsound:
        return f"cannot be used: {unsound[0]}"
    if getattr(adapter, "__abstractmethods__", None):
        return f"does not define {', '.join(sorted(adapter.__abstractmethods__))}"
    return None


def unsound_spec(spec: ChannelSpec | None) -> Iterator[str]:
    """Yield what a channel cannot be, in sentences."""
    if spec is None:
        return
    name, formats = spec.name, spec.formats
    if not isinstance(name, str) or not _CHANNEL.fullmatch(name) or name in _RESERVED:
        yield f'a channel is not called "{name}": small letters, digits and _'
    if not isinstance(formats, tuple) or not formats or not FORMATS.issuperset(formats):
        yield f"spec.formats is {formats!r}: some of {', '.join(sorted(FORMATS))} in order"
    if spec.address not in (None, *get_args(AddressKind)):
        yield f"spec.address is {spec.address!r}: {', '.join(get_args(AddressKind))} or None"


def unsound_capabilities(able: Capabilities) -> Iterator[str]:
    """Yield what capabilities cannot be, in sentences: the dispatcher counts on them."""
    for number in (able.batch, able.at_once):
        if not isinstance(number, int) or number < 1:
            yield f"batch and at_once are whole numbers from 1, not {number!r}"
    if not isinstance(able.timeout, timedelta) or not timedelta() < able.timeout <= LONGEST_CALL:
        yield f"timeout is a timedelta, longer than nothing and at most a day, not {able.timeout!r}"
    if able.key_ttl is not None and not isinstance(able.key_ttl, timedelta):
        yield f"key_ttl is a timedelta or None, not {able.key_ttl!r}"
    if able.key_ttl is not None and not able.idempotent:
        yield "key_ttl is for adapters that are idempotent"
