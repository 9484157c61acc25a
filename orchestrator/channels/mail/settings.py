"""What the ``email`` channel is told in ``channels.yaml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from orchestrator.channels.mail.headers import OWN_HEADERS
from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.shapes import SecretShape
from orchestrator.language.containers import MapOf
from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import JsonSchema, OneOf, ScalarShape, Whole
from orchestrator.language.words import Rules, Sentence, word

Security = Literal["starttls", "implicit", "none"]
SECURITIES: tuple[Security, ...] = ("starttls", "implicit", "none")
_CALLED_SECURITIES: dict[str, tuple[Security, ...]] = {
    **dict.fromkeys(("ssl", "smtps", "ssl/tls", "tls_on_connect", "on_connect"), ("implicit",)),
    **dict.fromkeys(("start_tls", "explicit", "opportunistic"), ("starttls",)),
    **dict.fromkeys(("tls", "true", "yes", "on", "required"), ("starttls", "implicit")),
    **dict.fromkeys(("false", "no", "off", "plain", "insecure"), ("none",)),
}
"""What servers' manuals and other programmes call the ways of TLS → which it may be here."""
PORTS: dict[Security, int] = {"starttls": 587, "implicit": 465, "none": 25}
"""Of submission (RFC 6409, RFC 8314), and of SMTP itself."""
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_ON_THIS_MACHINE = r"localhost|127(?:\.[0-9]{1,3}){3}|::1"
_TAKEN = "|".join(
    "".join(f"[{sign.upper()}{sign}]" if sign.isalpha() else sign for sign in name)
    for name in sorted(OWN_HEADERS)
)
"""The headers that are not free, in whatever letters: patterns of JSON Schema know no flags."""


class PatternShape(ScalarShape[str]):
    """A text of one form."""

    pattern: ClassVar[str]

    def parse(self, node: ScalarNode) -> str | None:
        if isinstance(node.value, str) and re.fullmatch(self.pattern, node.value):
            return node.value
        return None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


class HostShape(PatternShape):
    """A host: a name in ASCII, or an IP address."""

    port: ClassVar[str] = "a port is no part of it"
    """What is said of a port that stands behind a host."""

    says = "a host such as smtp.provider.example"
    sample = "smtp.provider.example"
    pattern = rf"(?=.{{1,253}}$){_NAME}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+"

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the host inside an address or before a port."""
        if isinstance(node, ScalarNode) and (inside := _HOST_INSIDE.fullmatch(node.text.strip())):
            told = self.meant(node, inside["name"] or inside["bracketed"])
            port = self.port.format(inside["port"]) if inside["port"] else ""
            help = f"{told} {port}".strip() if told else help
        return super().refuse(node, reader, help=help)


_HOST_INSIDE = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^@/\s]*@)?(?:(?P<name>[^\s:@/\[\]]+?)\.?"
    r"|\[(?P<bracketed>[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?(?:/\S*)?"
)
"""A host with what belongs elsewhere: a scheme, a login, a port, a path."""


class ServerShape(HostShape):
    """The host of a server, whose port is said beside it."""

    port = 'the port goes to "port": {}'


class DomainShape(PatternShape):
    """A domain in ASCII."""

    says = "a domain such as acme.example"
    sample = "acme.example"
    hint = "letters outside ASCII are written in Punycode: xn--…"
    pattern = rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})+"

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the domain inside an address."""
        if isinstance(node, ScalarNode) and (inside := _HOST_INSIDE.fullmatch(node.text.strip())):
            help = self.meant(node, inside["name"] or "") or help
        return super().refuse(node, reader, help=help)


class SelectorShape(PatternShape):
    """The selector of a DKIM key."""

    says = "a selector such as s2026"
    sample = "s2026"
    pattern = _NAME


class ReturnPathShape(PatternShape):
    """An address, maybe with ``{key}`` in it."""

    says = "an address such as bounces@mail.acme.example, with {key} for one of each message"
    sample = "bounces+{key}@mail.acme.example"
    pattern = (
        r"(?:[A-Za-z0-9_.+=-]{1,64}|[A-Za-z0-9_.+=-]{1,14}\{key\}[A-Za-z0-9_.+=-]{0,10})"
        rf"@{_NAME}"
    )
    """A key has 40 characters, and a local part at most 64 (RFC 5321, 4.5.3.1)."""


class LeavingAddressShape(PatternShape):
    """An address with ``{token}`` in it."""

    says = "an address with {token} in it, such as leave+{token}@mail.acme.example"
    sample = "leave+{token}@mail.acme.example"
    hint = "before {token} stand at most 12 characters, the last of them + = . _ or -"
    pattern = rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,10}}[+=._-]\{{token\}}@{_LABEL}(?:\.{_LABEL})+"


class LoginShape(ScalarShape[Secret | str]):
    """A name to log in with, or the place of one that is secret."""

    says = "a name, or the place of it: env:NAME of a variable, or file:path"
    sample = "env:SMTP_USERNAME"
    _place = SecretShape("text")

    def parse(self, node: ScalarNode) -> Secret | str | None:
        text = node.value
        if not isinstance(text, str) or not text.isprintable() or text != text.strip():
            return None
        if text.startswith(("env:", "file:")):
            return self._place.parse(node)
        return text or None

    def plain_schema(self) -> JsonSchema:
        place = self._place.plain_schema()["pattern"]
        return {"type": "string", "pattern": rf"{place}|^(?!env:|file:)\S(?:.*\S)?$"}


class HeaderNameShape(PatternShape):
    """The name of a header that is not written anyway."""

    says = "the name of a header such as X-Tag, and none that each message has"
    sample = "X-Tag"
    hint = "From, To, Subject and their like are written for each message"
    pattern = rf"(?!(?:{_TAKEN})$)[A-Za-z][A-Za-z0-9_-]{{0,60}}"


class HeaderTextShape(PatternShape):
    """The text of a header, in ASCII."""

    says = "a text in ASCII on one line"
    sample = "'{key}'"
    pattern = r"[!-~](?:[ -~]{0,480}[!-~])?"


@dataclass(frozen=True, kw_only=True)
class Dkim(Sentence):
    """Signs what leaves, so that receivers know whose it is.

    The senders' domains must be this one, or lie below it.
    """

    domain: str = word(DomainShape(), "The domain that signs.")
    selector: str = word(
        SelectorShape(), "Below `<selector>._domainkey.<domain>` the public key is published."
    )
    key: Secret = word(
        SecretShape("lines"), "The private key in PEM: RSA of 2048 bits, or Ed25519."
    )


@dataclass(frozen=True, kw_only=True)
class EmailSettings(ChannelSettings):
    """Sent by SMTP, through a server of your own or a provider's."""

    rules = Rules(needs={"username": ("password",), "password": ("username",)})
    check_schema: ClassVar[JsonSchema] = {
        "if": {"properties": {"tls": {"const": "none"}}, "required": ["tls"]},
        "then": {"properties": {"host": {"pattern": rf"^(?:{_ON_THIS_MACHINE}|\$.*)$"}}},
    }

    host: str = word(
        ServerShape(),
        "The server that takes the mail.",
        called=("hostname", "server", "smtp", "smtp_host", "smtp_server", "relay", "address"),
    )
    port: int | None = word(
        Whole(1, 65_535, called={"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465}),
        "Its port (default: 587, with `tls: implicit` 465).",
        default=None,
        called=("smtp_port",),
    )
    tls: Security = word(
        OneOf(
            *SECURITIES,
            called=_CALLED_SECURITIES,
            lead="starttls is usual on port 587, implicit on 465; choose from",
        ),
        "`starttls` begins TLS after the greeting, `implicit` before it; `none` is only for a "
        "server on this machine. Certificates are always verified.",
        default="starttls",
        called=("ssl", "encryption", "security", "secure", "starttls", "use_tls", "use_ssl"),
    )
    authorities: Secret | None = word(
        SecretShape("lines"),
        "The certificates of authorities to trust instead of the system's, in PEM.",
        default=None,
        called=("ca", "ca_file", "cafile", "certificate", "certificates"),
    )
    username: Secret | str | None = word(
        LoginShape(), "What to log in with.", default=None, called=("user", "login", "smtp_user")
    )
    password: Secret | None = word(
        SecretShape("text"),
        "The password of it.",
        default=None,
        called=("pass", "pwd", "passwd", "secret", "smtp_password"),
    )
    connections: int = word(
        Whole(1, 50),
        "At most so many connections at a time, of each worker.",
        default=4,
        called=("pool", "pool_size", "max_connections"),
    )
    ehlo: str | None = word(
        HostShape(),
        "What the server is told we are called (default: our address).",
        default=None,
        called=("helo", "local_hostname"),
    )
    return_path: str | None = word(
        ReturnPathShape(),
        "Where bounces go (default: to the sender).",
        default=None,
        called=("bounces", "bounce_address", "envelope_from", "mail_from"),
    )
    unsubscribe_by_mail: str | None = word(
        LeavingAddressShape(),
        "Where receivers of marketing can write to leave, beside the link; `clmctl receive mail` "
        "reads what arrives there.",
        default=None,
    )
    dkim: Dkim | None = word(
        SentenceOf(Dkim, "a DKIM key"),
        "Signs what leaves; without it the server is expected to.",
        default=None,
    )
    headers: dict[str, str] | None = word(
        MapOf(HeaderNameShape(), HeaderTextShape()),
        "Headers to add to each message; `{key}` in them is the message's key.",
        default=None,
    )

    def check(self, reader: Reader) -> None:
        """Report TLS left out on the way to another machine."""
        if self.tls == "none" and not self.is_on_this_machine:
            message = 'without TLS mail goes only to a server on this machine, "host: 127.0.0.1"'
            reader.report(self.mark_at("tls"), "CLM108", message)

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the server is, as it seems from its name."""
        return bool(re.fullmatch(_ON_THIS_MACHINE, self.host))

    @property
    def port_or_usual(self) -> int:
        """The port to connect to."""
        return self.port or PORTS[self.tls]
