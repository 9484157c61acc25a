"""The ``sms`` adapter: text messages over Twilio's API, or one like it.

Sources: Twilio, "Messages resource" (POST, ValidityPeriod), "Error and warning dictionary",
"Validating requests" (X-Twilio-Signature), "Track the message status".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred, refused, rejected, unknown
from orchestrator.channels.phone import e164
from orchestrator.channels.reach import Reach
from orchestrator.channels.receipt import Callback, ForgedCallback, Receipt, ReceiptKind
from orchestrator.channels.regions import RegionShape
from orchestrator.channels.secret import Secret
from orchestrator.channels.segments import segments
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import SecretShape, UrlShape
from orchestrator.channels.spec import CHANNELS
from orchestrator.channels.stop_words import is_stop
from orchestrator.channels.web import (
    LOCKED_OUT,
    Answer,
    Web,
    attempt,
    by_api_status,
    retry_after,
    wrong_with,
)
from orchestrator.clock import utcnow
from orchestrator.language.shapes import Text, Whole
from orchestrator.language.words import Rules, word

API = "https://api.twilio.com"
MOST_SEGMENTS = 10
LONGEST_VALID = timedelta(hours=10)
"""``ValidityPeriod`` is 1 to 36,000 seconds."""
_DEAD = frozenset(("21211", "21214", "21217", "21610", "21614", "21635"))
"""No number, no mobile phone, or one that has opted out at the provider."""
_LATER = frozenset(("14107", "20429", "21611", "21730", "30001"))
"""Too many at once, a full queue, maintenance: surely not taken."""
_NOT_US = frozenset(("10001", "20003", "20005", "20008", "20404"))
"""The token or account is not right, or not in use: nothing of ours would be taken."""
_OURS = frozenset((
    "21212", "21603", "21606", "21607", "21609", "21616", "21657", "21659", "21660", "21661",
    "21663", "21701", "21702", "21703", "21704", "21705", "21709",
))  # fmt: skip
"""Our number, service or callback address is not as it must be: no message would be taken."""
_KINDS: Mapping[str, ReceiptKind] = {
    "sent": "accepted", "delivered": "delivered", "read": "opened", "undelivered": "bounced",
    "failed": "failed",
}  # fmt: skip
_FAILED = ("failed", "undelivered", "canceled")
_GONE = frozenset(("30003", "30005", "30006"))
_PERMANENT = frozenset(("30005", "30006", "21610"))
"""Of a receipt: an unknown number, a landline, an opt-out."""


@dataclass(frozen=True, kw_only=True)
class SmsSettings(ChannelSettings):
    """Sends text messages through Twilio, or what speaks like it."""

    rules = Rules(any_of=(("from", "messaging_service"),))

    account: Secret = word(
        SecretShape(), "The account's SID.", called=("sid", "account_sid", "username", "user")
    )
    token: Secret = word(
        SecretShape(),
        "The account's auth token; it also proves callbacks.",
        called=("auth_token", "api_key", "apikey", "key", "secret", "password"),
    )
    from_: str | None = word(
        Text(),
        "The number or name that messages come from.",
        default=None,
        called=("sender", "number", "phone", "phone_number", "sender_id"),
    )
    messaging_service: str | None = word(
        Text(), "The SID of a messaging service, instead of a number.", default=None
    )
    region: str | None = word(
        RegionShape(), "The country of numbers that name none, such as AT.", default=None
    )
    most_segments: int = word(
        Whole(1, MOST_SEGMENTS),
        "A longer message is dead rather than dear (default 10).",
        default=MOST_SEGMENTS,
    )
    url: str = word(
        UrlShape(),
        "Another server of the same API.",
        default=API,
        called=("host", "server", "endpoint", "base_url", "api_url"),
    )


class SmsChannel(Channel):
    """One request per message; Twilio knows no idempotency key."""

    name = "sms"
    spec = CHANNELS["sms"]
    capabilities = Capabilities(expiry=True, timeout=timedelta(seconds=30))
    Settings = SmsSettings

    def __init__(self, settings: SmsSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._web = Web(Reach(everywhere=True), self.capabilities.timeout)

    def send(self, message: OutgoingMessage) -> Outcome:
        to = e164(message.to, self.settings.region)
        if to is None:
            return rejected("no phone number with a country", code="bad_number")
        count = segments(message.text).count
        if count > self.settings.most_segments:
            return rejected(f"takes {count} segments", code="too_long")
        form = self._form(message, to)
        if form is None:
            return rejected("its time is over", code="expired")
        return attempt(
            lambda: self._web.post(self._url, urlencode(form).encode(), self._headers), _read
        )

    def _form(self, message: OutgoingMessage, to: str) -> dict[str, str] | None:
        form = {"To": to, "Body": message.text}
        if self.settings.messaging_service is not None:
            form["MessagingServiceSid"] = self.settings.messaging_service
        else:
            form["From"] = self.settings.from_
        if self.surroundings.base_url:
            base = self.surroundings.base_url.rstrip("/")
            form["StatusCallback"] = f"{base}/receipts/sms?key={message.provider_key}"
        left = message.left((self.surroundings.clock or utcnow)())
        if left is not None:
            if left < timedelta(seconds=1):
                return None
            form["ValidityPeriod"] = str(int(min(left, LONGEST_VALID).total_seconds()))
        return form

    def check(self) -> list[str]:
        return wrong_with(
            lambda: self._web.exchange("GET", f"{self._account}.json", b"", self._headers),
            _read,
            lambda: self._web.exchange("OPTIONS", self._url, b"", self._headers),
        )

    @property
    def _account(self) -> str:
        account = quote(self.settings.account.reveal(), safe="")
        return f"{self.settings.url.rstrip('/')}/2010-04-01/Accounts/{account}"

    @property
    def _url(self) -> str:
        return f"{self._account}/Messages.json"

    @property
    def _headers(self) -> dict[str, str]:
        known = f"{self.settings.account.reveal()}:{self.settings.token.reveal()}"
        return {
            "authorization": "Basic " + base64.b64encode(known.encode()).decode(),
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }

    def sender_of(self, message: OutgoingMessage) -> str:
        return self.settings.messaging_service or self.settings.from_ or ""

    def receipts(self, callback: Callback) -> Sequence[Receipt]:
        try:
            pairs = parse_qsl(callback.body.decode(), keep_blank_values=True, strict_parsing=True)
        except UnicodeDecodeError:
            raise ForgedCallback from None
        expected = twilio_signature(self.settings.token.reveal(), callback.url, dict(pairs))
        given = callback.headers.get("x-twilio-signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise ForgedCallback
        return _told(dict(pairs), callback)

    def close(self) -> None:
        self._web.close()


def twilio_signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Return base64(HMAC-SHA1(token, url + each name and value, sorted by name))."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def _read(answer: Answer) -> Outcome:
    found = answer.json()
    known: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if 200 <= answer.status < 300:
        return _taken(known)
    said = known.get("code")
    code = str(said) if isinstance(said, int | str) and said else ""
    if code in _LATER:
        after = retry_after(answer)
        return deferred(f"error {code}", code=code, retry_after=after, fault="message")
    if code in _NOT_US:
        return refused(LOCKED_OUT, code=code)
    if code in _OURS:
        return refused("the provider takes nothing from our number or service", code=code)
    likely = by_api_status(answer, code=code or None)
    if likely.kind != "rejected":
        return likely
    code = code or str(answer.status)
    return rejected(f"error {code}", code=code, is_dead_address=code in _DEAD)


def _taken(known: Mapping[str, Any]) -> Outcome:
    """Return what a success means: a message can have failed by the time it is told of."""
    sid, said = known.get("sid"), known.get("error_code")
    if not (isinstance(sid, str) and sid):
        return unknown("an answer without sid")
    if known.get("status") not in _FAILED:
        return accepted(sid)
    code = str(said) if isinstance(said, int | str) and said else "failed"
    return rejected(f"error {code}", code=code, is_dead_address=code in _DEAD)


def _told(form: Mapping[str, str], callback: Callback) -> list[Receipt]:
    """Return what a callback says: the status of a message, or an answer of a person."""
    sid = form.get("MessageSid") or form.get("SmsSid") or ""
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    if not sid:
        raise ValueError("no MessageSid")
    if "Body" in form and status in ("received", ""):
        stops = is_stop(form["Body"]) or form.get("OptOutType") == "STOP"
        return [
            Receipt(
                "unsubscribed" if stops else "replied",
                callback.received_at,
                f"twilio:{sid}",
                address=form.get("From"),
            )
        ]
    kind, code = _KINDS.get(status), form.get("ErrorCode") or None
    if kind is None:
        return []  # accepted, queued, sending: nothing that anybody asks about
    if kind == "failed" and code in _GONE:
        kind = "bounced"
    key = dict(parse_qsl(callback.url.partition("?")[2])).get("key")
    permanent = kind == "bounced" and code in _PERMANENT
    return [
        Receipt(
            kind, callback.received_at, f"twilio:{sid}:{status}", provider_key=key,
            provider_id=sid, is_permanent=permanent, code=code,
        )
    ]  # fmt: skip
