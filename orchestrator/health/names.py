"""What the domain name system says: short questions, and a word for no answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from typing import cast

import dns.exception
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.resolver
from dns.rdata import Rdata
from dns.rdatatype import AAAA, MX, TXT, A, RdataType

from orchestrator.errors import UsageError

SECONDS = 2.0
"""For one question, with all its repetitions."""
SECONDS_IN_ALL = 20.0
_OCTETS = 1232
"""Of an answer in one datagram (DNS flag day 2020): a key of 2048 bits needs more than 512."""


OFF = "off"


class NotTold(Exception):
    """Nobody answered, or nobody could. The text says why, in a few words."""


@dataclass
class Names:
    """Asks a name server. Once one did not answer in time, nothing more is asked."""

    server: tuple[str, int] | None = None
    """Host and port; None is as the machine is set up."""
    _silent: NotTold | None = None
    _until: float = float("inf")
    _resolver: dns.resolver.Resolver | None = field(default=None, repr=False)

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each as one text; none if there is no such name.

        Raises:
            NotTold: nobody says whether there are any.
        """
        records = (cast("dns.rdtypes.ANY.TXT.TXT", record) for record in self._ask(name, TXT))
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]

    def takes_mail(self, name: str) -> bool:
        """Return whether mail to a domain goes anywhere: MX, else an address (RFC 5321, 5.1).

        Raises:
            NotTold: nobody says.
        """
        servers = [
            str(cast("dns.rdtypes.ANY.MX.MX", record).exchange) for record in self._ask(name, MX)
        ]
        if servers:
            return servers != ["."]  # RFC 7505: it takes none
        return bool(self._ask(name, A) or self._ask(name, AAAA))

    def _ask(self, name: str, kind: RdataType) -> list[Rdata]:
        if self._silent is not None:
            raise self._silent
        if monotonic() > self._until:
            raise NotTold(f"the answers took more than {SECONDS_IN_ALL:.0f} seconds")
        try:
            answer = self._opened().resolve(
                name, kind, lifetime=SECONDS, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.LifetimeTimeout:
            self._silent = NotTold(f"no answer within {SECONDS:.0f} seconds")
            raise self._silent from None
        except dns.resolver.NoResolverConfiguration:
            self._silent = NotTold("this machine knows no name server")
            raise self._silent from None
        except dns.resolver.NoNameservers:
            raise NotTold("no name server can tell") from None
        except (dns.exception.DNSException, OSError) as error:
            raise NotTold(type(error).__name__) from None
        return list(answer.rrset or ())

    def _opened(self) -> dns.resolver.Resolver:
        if self._resolver is None:
            self._until = monotonic() + SECONDS_IN_ALL
            self._resolver = dns.resolver.Resolver(configure=self.server is None)
            self._resolver.use_edns(0, 0, _OCTETS)
            if self.server is not None:
                host, port = self.server
                self._resolver.nameservers, self._resolver.port = [host], port
        return self._resolver


def names_of(written: str | None) -> Names | None:
    """Return whom ``--dns`` says to ask; None asks nobody.

    Raises:
        UsageError: it is neither ``off`` nor an IP address with a port.
    """
    if written == OFF:
        return None
    if written is None:
        return Names()
    host, _, port = written.rpartition(":") if ":" in written else (written, "", "53")
    try:
        server = str(ip_address(host.removeprefix("[").removesuffix("]")))
        if port.isascii() and port.isdecimal() and 0 < int(port) <= 65_535:
            return Names((server, int(port)))
    except ValueError:
        pass
    raise UsageError(
        f'--dns "{written}" is no name server', help="for example 9.9.9.9, 127.0.0.1:5353, or off"
    )
