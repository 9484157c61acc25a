"""Shapes of what channels are told: secrets, rates, addresses, networks, seconds, folders."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from orchestrator.channels.secret import Secret, SecretForm
from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader, nearest
from orchestrator.language.shapes import JsonSchema, ScalarShape
from orchestrator.language.spelled import spelled_number

T = TypeVar("T")
_INSIDE, _EDGE = r"[^\u0000-\u001f\u007f]", r"[^\s\u0000-\u001f\u007f]"
_PLACE = rf"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:{_EDGE}(?:{_INSIDE}*{_EDGE})?)"


class SecretShape(ScalarShape[Secret]):
    """The place of a secret: ``env:NAME`` or ``file:path``; the secret itself is refused."""

    says = "the place of a secret: env:NAME of a variable, or file:path"
    sample = "env:PROVIDER_KEY"
    hint = "write env:NAME or file:path here, and the secret there"
    _forms = (
        (re.compile(r"\$"), "a variable is written env:NAME, without a $"),
        (re.compile(r"(?:env|file)\b", re.IGNORECASE), "it begins with env: or file:, no space"),
        (re.compile(r"(?:\.{0,2}/|~/|.*\.(?:pem|key|json|txt)\Z)"), "a file is written file:path"),
    )  # fmt: skip
    """How texts begin or end that are places in another spelling, and what to say of each."""

    def __init__(self, form: SecretForm = "token") -> None:
        """Take places of secrets that may hold what the form says, once they are opened."""
        self._form = form

    def read(self, node: Node, reader: Reader) -> Secret | Invalid:
        """Read a place; what begins with ``$`` and is no variable is not repeated either."""
        before = len(reader.problems)
        resolved = reader.resolve(node)
        if isinstance(resolved, Invalid) and len(reader.problems) > before:
            del reader.problems[before:]
            return self.refuse(node, reader)
        return resolved if isinstance(resolved, Invalid) else self.read_resolved(resolved, reader)

    def parse(self, node: ScalarNode) -> Secret | None:
        if not isinstance(node.value, str) or not re.fullmatch(_PLACE, node.value):
            return None
        source: Literal["env", "file"] = "env" if node.value.startswith("env:") else "file"
        return Secret(source, node.value.partition(":")[2], node.mark, self._form)

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands here without repeating it: it may be the secret."""
        if not isinstance(node, ScalarNode) or node.value is None:
            return super().refuse(node, reader, help=help)
        message = "here stands something else than the place of a secret"
        spelling = (says for form, says in self._forms if form.match(node.text))
        help = "; ".join((*spelling, self.hint))
        return reader.report(node.mark, "CLM115", message, help=help)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{_PLACE}$"}


Per = Literal["second", "minute", "hour", "day"]
_NEARLY = re.compile(
    r"\s*(?P<amount>\S.*?)\s*(?P<per>/|\bper\b|\ban?\b|\bevery\b|\beach\b)?\s*(?:1 ?)?"
    r"(?P<unit>[a-z]+)\.?\s*",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"(?P<whole>[0-9]{1,7})?[.,](?P<rest>[0-9]{1,4})\Z", re.ASCII)
_UNITS: dict[Per, tuple[str, ...]] = {
    "second": ("s", "sec", "secs", "second", "seconds"),
    "minute": ("m", "min", "mins", "minute", "minutes"),
    "hour": ("h", "hr", "hrs", "hour", "hours"),
    "day": ("d", "day", "days"),
}
_SECONDS: dict[Per, int] = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True)
class Rate:
    """At most so many in a time."""

    amount: int
    per: Per

    @property
    def per_second(self) -> float:
        """How many that are in a second."""
        return self.amount / _SECONDS[self.per]

    def __str__(self) -> str:
        return f"{self.amount} per {self.per}"


class _Patterned(ScalarShape[T]):
    """A text that one pattern describes, to the reader and in the schema."""

    _pattern: str

    @abstractmethod
    def made(self, text: str) -> T | None:
        """Return the value of a text that fits the pattern, None if it is none after all."""

    def parse(self, node: ScalarNode) -> T | None:
        if isinstance(node.value, str) and re.fullmatch(self._pattern, node.value):
            return self.made(node.value)
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{self._pattern}$"}


class RateShape(_Patterned[Rate]):
    """A rate such as ``50 per second``."""

    says = "a rate such as 50 per second or 1000 per hour"
    sample = "50 per second"
    hint = "write a number, per, and second, minute, hour or day"
    _pattern = r"[1-9][0-9]{0,6} per (?:second|minute|hour|day)"

    def made(self, text: str) -> Rate:
        amount, _, per = text.split(" ")
        return Rate(int(amount), next(known for known in _SECONDS if known == per))

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the rate that was probably meant."""
        if isinstance(node, ScalarNode) and isinstance(node.value, int) and node.value is not True:
            ways = (f"{node.value} per {per}" for per in _SECONDS)
            help = self.meant(node, *ways) and f'say per what, such as "{node.value} per second"'
        elif isinstance(node, ScalarNode):
            help = self.meant(node, *_rates(node.text)) or help
        return super().refuse(node, reader, help=help)


class SpanShape(_Patterned[timedelta]):
    """A short time such as ``30 seconds``, from a second to a day."""

    says = "a time such as 30 seconds or 5 min"
    sample = "30 seconds"
    hint = "write a number and seconds, min or hours; a day at most"
    _pattern = (
        r"(?:(?:[1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400) seconds?"
        r"|(?:[1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440) min|(?:[1-9]|1[0-9]|2[0-4]) hours?)"
    )

    def made(self, text: str) -> timedelta:
        amount, _, unit = text.partition(" ")
        length = {"s": 1, "m": 60, "h": 3_600}[unit[0]]
        return timedelta(seconds=int(amount) * length)

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the time that was probably meant."""
        if isinstance(node, ScalarNode):
            help = self.meant(node, *_spans(node.text)) or help
        return super().refuse(node, reader, help=help)


class UrlShape(_Patterned[str]):
    """A web address over TLS; ``http://`` only to this machine itself, for trying things out."""

    says = "an address that begins with https://"
    sample = "https://provider.example/v1"
    hint = "http:// is for 127.0.0.1, [::1] and localhost only"
    _pattern = (
        r"(?:https://[^\s/@?#\\]+|http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?)"
        r"(?:[/?#][^\s\\]*)?"
    )

    def made(self, text: str) -> str | None:
        try:
            parts = urlsplit(text)
            found = parts.hostname is not None and parts.port != 0
        except ValueError:
            return None
        return text if found else None

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the address over TLS that was probably meant."""
        if isinstance(node, ScalarNode):
            rest = re.sub(r"\A[a-z]*:?/+", "", node.text.strip(), flags=re.IGNORECASE)
            is_web = re.match(
                r"(?:https?:?/*)?[\w-]+(?:\.[\w-]+)+", node.text.strip(), re.IGNORECASE
            )
            help = (self.meant(node, f"https://{rest}") if is_web else None) or help
        return super().refuse(node, reader, help=help)


_EVERYWHERE = (
    "that is every address: calls would reach this machine, its neighbours and the cloud's "
    "metadata; name the networks of your own"
)


class NetworkShape(ScalarShape[str]):
    """A network such as ``10.0.0.0/8``, or one address; not the one that holds every address."""

    says = "a network such as 10.0.0.0/8, or one address"
    sample = "10.0.0.0/8"
    hint = "write the first address of the network, a slash, and how many bits it has"

    def parse(self, node: ScalarNode) -> str | None:
        network = self._read(node.value)
        return None if network is None or network.prefixlen == 0 else str(network)

    @staticmethod
    def _read(value: object) -> IPv4Network | IPv6Network | None:
        try:
            return ip_network(value) if isinstance(value, str) else None
        except ValueError:
            return None

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there; an address inside a network is answered with the network."""
        network = self._read(node.value) if isinstance(node, ScalarNode) else None
        if network is not None:
            return super().refuse(node, reader, help=_EVERYWHERE)
        try:
            around = (
                str(ip_network(node.text, strict=False)) if isinstance(node, ScalarNode) else ""
            )
        except ValueError:
            around = ""
        return super().refuse(node, reader, help=self.meant(node, around) or help)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": r"^[0-9a-fA-F.:]+(?:/0*[1-9][0-9]{0,2})?$"}


class ContactShape(_Patterned[str]):
    """Whom to ask about what we send: ``mailto:`` or ``https://`` (RFC 8292, 2.1)."""

    says = "an address that begins with mailto: or https://"
    sample = "mailto:push@shop.example"
    hint = "a push service writes there if what we send troubles it"
    _pattern = (
        r"(?:mailto:[^\s@:/?#\u0080-\uffff]+@[^\s@:/?#\u0080-\uffff]+"
        r"|https://[^\s/@?#\\\u0080-\uffff]+(?:[/?#][^\s\\\u0080-\uffff]*)?)"
    )

    def made(self, text: str) -> str:
        return text

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there; a bare address is answered with what goes before it."""
        if isinstance(node, ScalarNode):
            text = re.sub(r"\A(?:mailto|https?):/*", "", node.text.strip(), flags=re.IGNORECASE)
            scheme = "mailto:" if "@" in text else "https://"
            is_near = re.search(r"[\w-]\.[\w-]", text)
            help = (self.meant(node, f"{scheme}{text}") if is_near else None) or help
        return super().refuse(node, reader, help=help)


class FolderShape(_Patterned[str]):
    """A folder inside the project, with ``/`` between its parts."""

    says = "a folder inside the project, such as outbox or var/outbox"
    sample = "outbox"
    hint = "it is relative to the project's folder and does not leave it"
    _pattern = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"

    def made(self, text: str) -> str:
        return text


def _rates(text: str) -> Iterator[str]:
    """Yield the rates that a text is probably meant as."""
    found = _NEARLY.fullmatch(text)
    unit = _unit(found["unit"]) if found else None
    amount = _amount(found["amount"]) if found else None
    if unit is None or amount is None:
        return
    begins = list(_SECONDS).index(unit)
    for per in list(_SECONDS)[begins:]:
        so_many = amount * _SECONDS[per] / _SECONDS[unit]
        if so_many == int(so_many):
            yield f"{int(so_many)} per {per}"


def _spans(text: str) -> Iterator[str]:
    """Yield the times that a text is probably meant as; a bare number is one of seconds."""
    found = _NEARLY.fullmatch(text)
    unit = _unit(found["unit"]) if found and not found["per"] else None
    amount = _amount(found["amount"] if found and unit else text)
    if amount is not None and amount == int(amount):
        spelled = {"minute": "min", "hour": "hours", "day": "days"}.get(unit or "", "seconds")
        yield f"{int(amount)} {spelled}"


def _unit(text: str) -> Per | None:
    """Return the unit that a text spells, or is nearest to."""
    spelled: dict[str, Per] = {text: unit for unit in _SECONDS for text in _UNITS[unit]}
    long = [spelling for spelling in spelled if len(spelling) > 2]
    folded = text.casefold()
    near = [folded] if folded in spelled else nearest(folded, long)
    return spelled[near[0]] if near else None


def _amount(text: str) -> Decimal | None:
    """Return the number that a text spells, maybe with the name of the things behind it."""
    whole = spelled_number(text)
    fraction = _FRACTION.match(text.strip())
    if whole is None and fraction:
        return Decimal(f"{fraction['whole'] or 0}.{fraction['rest']}")
    if whole is None and " " in text:
        whole = spelled_number(text.rpartition(" ")[0])
    return None if whole is None else Decimal(whole)
