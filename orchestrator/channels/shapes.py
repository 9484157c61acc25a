"""Shapes of what channels are told: secrets, rates, web addresses, seconds, folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Literal
from urllib.parse import urlsplit

from orchestrator.channels.secret import Secret
from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.shapes import JsonSchema, ScalarShape

_INSIDE, _EDGE = r"[^\u0000-\u001f\u007f]", r"[^\s\u0000-\u001f\u007f]"
_PLACE = rf"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:{_EDGE}(?:{_INSIDE}*{_EDGE})?)"


class SecretShape(ScalarShape[Secret]):
    """The place of a secret: ``env:NAME`` or ``file:path``; the secret itself is refused."""

    says = "the place of a secret: env:NAME of a variable, or file:path"
    sample = "env:PROVIDER_KEY"
    hint = "write env:NAME or file:path here, and the secret there"

    def parse(self, node: ScalarNode) -> Secret | None:
        if not isinstance(node.value, str) or not re.fullmatch(_PLACE, node.value):
            return None
        source: Literal["env", "file"] = "env" if node.value.startswith("env:") else "file"
        return Secret(source, node.value.partition(":")[2], node.mark)

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands here without repeating it: it may be the secret."""
        if not isinstance(node, ScalarNode) or node.value is None:
            return super().refuse(node, reader, help=help)
        message = "here stands something else than the place of a secret"
        return reader.report(node.mark, "CLM115", message, help=self.hint)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{_PLACE}$"}


_NEARLY_RATE = re.compile(
    r" *([1-9][0-9]{0,6}) *(?:/|per|an?|every)? *(?:1 ?)?"
    r"(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?) *",
    re.IGNORECASE,
)
_NEARLY_SPAN = re.compile(
    r" *([1-9][0-9]{0,3}) *((?:s|sec|seconds?|m|min|minutes?|h|hours?)?)\.? *", re.IGNORECASE
)
Per = Literal["second", "minute", "hour", "day"]
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


class RateShape(ScalarShape[Rate]):
    """A rate such as ``50 per second``."""

    says = "a rate such as 50 per second or 1000 per hour"
    sample = "50 per second"
    hint = "write a number, per, and second, minute, hour or day"
    _pattern = r"[1-9][0-9]{0,6} per (?:second|minute|hour|day)"

    def parse(self, node: ScalarNode) -> Rate | None:
        if not isinstance(node.value, str) or not re.fullmatch(self._pattern, node.value):
            return None
        amount, _, per = node.value.split(" ")
        return Rate(int(amount), next(known for known in _SECONDS if known == per))

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the rate that was probably meant."""
        found = _NEARLY_RATE.fullmatch(node.text) if isinstance(node, ScalarNode) else None
        if found:
            per = next(known for known in _SECONDS if known[0] == found[2][0].lower())
            help = f'did you mean "{int(found[1])} per {per}"?'
        return super().refuse(node, reader, help=help)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{self._pattern}$"}


class SpanShape(ScalarShape[timedelta]):
    """A short time such as ``30 seconds``, from a second to a day."""

    says = "a time such as 30 seconds or 5 min"
    sample = "30 seconds"
    hint = "write a number and seconds, min or hours; a day at most"
    _pattern = (
        r"(?:[1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400) seconds?"
        r"|(?:[1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440) min|(?:[1-9]|1[0-9]|2[0-4]) hours?"
    )

    def parse(self, node: ScalarNode) -> timedelta | None:
        if not isinstance(node.value, str) or not re.fullmatch(self._pattern, node.value):
            return None
        amount, _, unit = node.value.partition(" ")
        length = {"s": 1, "m": 60, "h": 3_600}[unit[0]]
        return timedelta(seconds=int(amount) * length)

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the time that was probably meant."""
        found = _NEARLY_SPAN.fullmatch(node.text) if isinstance(node, ScalarNode) else None
        if found:
            unit = {"s": "seconds", "m": "min", "h": "hours"}[found[2][:1].lower() or "s"]
            help = f'did you mean "{int(found[1])} {unit}"?'
        return super().refuse(node, reader, help=help)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^(?:{self._pattern})$"}


class UrlShape(ScalarShape[str]):
    """A web address over TLS; ``http://`` only to this machine itself, for trying things out."""

    says = "an address that begins with https://"
    sample = "https://provider.example/v1"
    hint = "http:// is for 127.0.0.1, [::1] and localhost only"
    _pattern = (
        r"(?:https://[^\s/@?#\\]+|http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?)"
        r"(?:[/?#][^\s\\]*)?"
    )

    def parse(self, node: ScalarNode) -> str | None:
        if not isinstance(node.value, str) or not re.fullmatch(self._pattern, node.value):
            return None
        try:
            parts = urlsplit(node.value)
            found = parts.hostname is not None and parts.port != 0
        except ValueError:
            return None
        return node.value if found else None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{self._pattern}$"}


class NetworkShape(ScalarShape[str]):
    """A network such as ``10.0.0.0/8``, or one address."""

    says = "a network such as 10.0.0.0/8, or one address"
    sample = "10.0.0.0/8"
    hint = "write the first address of the network, a slash, and how many bits it has"

    def parse(self, node: ScalarNode) -> str | None:
        try:
            return str(ip_network(node.value)) if isinstance(node.value, str) else None
        except ValueError:
            return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": r"^[0-9a-fA-F.:]+(?:/[0-9]{1,3})?$"}


class FolderShape(ScalarShape[str]):
    """A folder inside the project, with ``/`` between its parts."""

    says = "a folder inside the project, such as outbox or var/outbox"
    sample = "outbox"
    hint = "it is relative to the project's folder and does not leave it"
    _pattern = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"

    def parse(self, node: ScalarNode) -> str | None:
        if isinstance(node.value, str) and re.fullmatch(self._pattern, node.value):
            return node.value
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{self._pattern}$"}
