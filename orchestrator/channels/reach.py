"""Which addresses a call may go to: public ones, and networks that are named.

The address that is checked is the address that is connected to: a name that answers
differently a moment later gains nothing. One private address among several is enough to refuse.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from orchestrator.channels.lookup import addresses_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
WEB_PORTS = frozenset((80, 443, 8080, 8443))
LOOKUP_SECONDS = 10.0
"""In which a name is resolved, if nothing shorter is said."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): an IPv4 address in other clothes."""

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out so far (RFC 4291, 2.4)."""
_SPECIAL: tuple[Network, ...] = (
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("3fff::/20"),
)
"""Entries of those registries that Python's own tables had wrong, or not yet."""


class NotReachable(Exception):
    """A call may not go there. The text names the host and no more."""


@dataclass(frozen=True)
class Reach:
    """Where calls may go."""

    allowed: tuple[Network, ...] = ()
    """Reached although they are not public, on any port."""
    everywhere: bool = False
    """For addresses that whoever runs the machine has written into ``channels.yaml``."""

    def require(self, url: str) -> None:
        """Refuse an address that cannot be meant well, before any name is asked for.

        Raises:
            NotReachable: another scheme, a user in the address, an odd port or character.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise NotReachable("the address cannot be read") from None
        if parts.scheme not in ("http", "https") or not host:
            raise NotReachable("the address is not http:// or https:// with a host")
        if not url.isascii() or not url.isprintable() or any(one in url for one in " \\"):
            raise NotReachable("the address holds a character that no address has")
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise NotReachable("the address names a user")
        if port is not None and port not in WEB_PORTS and not (self.everywhere or self.allowed):
            raise NotReachable(f"port {port} is not one of the web")

    def require_literal(self, url: str) -> None:
        """Refuse an address that would be refused whatever any name server said.

        Raises:
            NotReachable: as ``require``, or its host is an IP address, or a name of this machine,
                that may not be called.
        """
        self.require(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        address = literal_address(host)
        if address is not None:
            port = parts.port or {"http": 80, "https": 443}[parts.scheme]
            self._require_all(host, port, [str(address)])

    def resolved(self, host: str, port: int, seconds: float = LOOKUP_SECONDS) -> list[str]:
        """Return the addresses of a host, all of which may be reached.

        Raises:
            NotReachable: one may not.
            OSError: the name does not resolve, or not in that time.
        """
        rows = addresses_of(host, port, seconds)
        found = list(dict.fromkeys(str(row[4][0]) for row in rows))
        self._require_all(host, port, found)
        return found

    def _require_all(self, host: str, port: int, found: Sequence[str]) -> None:
        if self.everywhere:
            return
        for text in found:
            address = unwrapped(ipaddress.ip_address(text.partition("%")[0]))
            if _is_in(address, self.allowed):
                continue
            if not is_public(address):
                raise NotReachable(f"{host} is not a public address")
            if port not in WEB_PORTS:
                raise NotReachable(f"port {port} is not one of the web")


def literal_address(host: str) -> Address | None:
    """Return the address that a host is, in any spelling that connecting takes; None of a name.

    ``localhost``, and what lies below it, is this machine (RFC 6761, 6.3).
    """
    if re.search(r"(?:\A|\.)localhost\.?\Z", host, re.IGNORECASE):
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        rows = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
        return ipaddress.ip_address(str(rows[0][4][0]).partition("%")[0])
    except (OSError, ValueError):
        return None


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def is_private(host: str) -> bool:
    """Return whether a host is an address that the public internet does not lead to."""
    address = literal_address(host)
    return address is not None and not is_public(unwrapped(address))


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet (IANA's special registries)."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False  # site-local, IPv4-compatible and whatever else Python calls global
    return address.is_global and not address.is_multicast and not _is_in(address, _SPECIAL)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
