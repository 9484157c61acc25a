"""What receivers ask of mail beside its text: SPF, DKIM, DMARC, a way back, a sound library.

Sources: RFC 7208 (SPF), RFC 6376 and RFC 8463 (DKIM), RFC 7489 (DMARC; its organizational domain
is found here by walking up, as its successor does), RFC 5321 and RFC 7505 (where bounces go).
Gmail, Yahoo and Outlook turn away bulk mail without SPF, DKIM and DMARC, hence errors.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.channels.mail.addresses import address, parted
from orchestrator.channels.mail.dkim import PublicKey, UnusableKey, public_key
from orchestrator.channels.mail.headers import HeaderRefused
from orchestrator.channels.mail.settings import Dkim, EmailSettings
from orchestrator.errors import EnvironmentFault
from orchestrator.health.finding import Finding, Severity
from orchestrator.health.names import Names, NotTold
from orchestrator.playbook.model import Playbook

SAFE_PYTHON = {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}
"""Minor version → the first release whose email library refuses line breaks in headers."""
AREA = "mail"
_DEEPEST = 8
"""Labels that are walked up at most."""


def python_findings(
    playbook: Playbook, version: tuple[int, int, int] = sys.version_info[:3]
) -> Iterator[Finding]:
    """Yield what is known against this Python's email library, for a project that sends mail."""
    major, minor, micro = version
    safe = SAFE_PYTHON.get((major, minor), 0)
    if micro < safe and _mail_settings(playbook):
        yield Finding(
            "warning",
            "packages",
            f"the email library of Python {major}.{minor}.{micro} lets a line break in a value "
            "make a header (CVE-2026-1299); clmctl refuses such values itself, others may not",
            f"use Python {major}.{minor}.{safe} or later",
        )


def dns_findings(playbook: Playbook, folder: Path, names: Names) -> Iterator[Finding]:
    """Yield what the domain name system says, or does not say, about where mail comes from.

    Args:
        folder: the project's, where relative paths of secrets begin.
    """
    checks = Checks(names)
    for settings in _mail_settings(playbook):
        checks.look(settings, _sending_domains(playbook), folder)
    yield from checks.findings()


def _mail_settings(playbook: Playbook) -> list[EmailSettings]:
    return [one for one in playbook.channels.values() if isinstance(one, EmailSettings)]


def _sending_domains(playbook: Playbook) -> list[str]:
    """Return the domains of all senders, in ASCII; a sender that is no address has none."""
    found: dict[str, None] = {}
    for text in (playbook.catalog.senders or {}).values():
        try:
            found[address("From", parted(text)[1]).domain.lower()] = None
        except HeaderRefused:
            continue
    return list(found)


@dataclass
class Dmarc:
    """What the domain of a sender asks of those who receive mail in its name."""

    organization: str
    """The domain that all aligned ones lie below, itself one of them."""
    tags: dict[str, str]

    def is_aligned(self, domain: str, sender: str, tag: str) -> bool:
        """Return whether a domain speaks for a sender's.

        Args:
            tag: which says how strictly, ``adkim`` or ``aspf``.
        """
        if self.tags.get(tag) == "s":
            return domain == sender
        return all(_is_below(one, self.organization) for one in (domain, sender))


@dataclass
class Checks:
    """Looks at each domain once, and collects what was found and what nobody could tell."""

    names: Names
    _found: dict[Finding, None] = field(default_factory=dict)
    _not_told: dict[str, str] = field(default_factory=dict)

    def findings(self) -> Iterator[Finding]:
        """Yield what was found; one finding for all that could not be asked."""
        yield from self._found
        if self._not_told:
            why = ", ".join(dict.fromkeys(self._not_told.values()))
            yield Finding(
                "warning",
                AREA,
                f"could not ask the domain name system about {', '.join(self._not_told)}: {why}",
                "clmctl doctor where the network is, with --dns HOST:PORT at another name server, "
                "or with --dns off",
            )

    def look(self, settings: EmailSettings, senders: list[str], folder: Path) -> None:
        """Look at the domains of one channel of mail."""
        if settings.dkim is not None:
            self._dkim(settings.dkim, folder)
        path = settings.return_path
        if settings.unsubscribe_by_mail:
            by_mail = settings.unsubscribe_by_mail.rpartition("@")[2].lower()
            self._way_back(by_mail, "wishes to leave", "unsubscribe_by_mail")
        for sender in senders:
            back = path.rpartition("@")[2].lower() if path else sender
            self._spf(back)
            self._way_back(back, "bounces", "return_path")
            self._dmarc(sender, back, settings.dkim)

    def _tell(self, severity: Severity, says: str, fix: str) -> None:
        self._found[Finding(severity, AREA, says, fix)] = None

    def _texts(self, name: str, begins: str) -> list[str] | None:
        """Return the texts of a name that begin so; None if nobody tells."""
        try:
            texts = self.names.texts(name)
        except NotTold as reason:
            self._not_told[name] = str(reason)
            return None
        return [text for text in texts if text.lower().startswith(begins)]

    # --- DKIM -----------------------------------------------------------------------------

    def _dkim(self, said: Dkim, folder: Path) -> None:
        try:
            own = public_key(said.key.opened(folder).reveal().encode())
        except (EnvironmentFault, UnusableKey):
            own = None  # the checks of channels tell of it
        name = f"{said.selector}._domainkey.{said.domain.lower()}"
        found = self._texts(name, "")
        if found is None:
            return
        fix = f"publish as TXT of {name}: {own.record}" if own else f"publish the key at {name}"
        if len(found) != 1:
            what = "no key" if not found else "several keys"
            self._tell("error", f"{what} at {name}: receivers cannot verify signatures", fix)
            return
        tags = _tags(found[0])
        wrong = _wrong_with_key(tags, own)
        if wrong:
            self._tell("error", f"the key at {name} {wrong}: signatures count for nothing", fix)
        elif "y" in tags.get("t", "").split(":"):
            says = f"the key at {name} is on trial (t=y): receivers treat mail as unsigned"
            self._tell("warning", says, "publish it without t=y")

    # --- SPF and where bounces go ---------------------------------------------------------

    def _spf(self, domain: str) -> None:
        found = self._texts(domain, "v=spf1")
        if found is None:
            return
        records = [text for text in found if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
        fix = f"publish one TXT of {domain}: v=spf1 include:<your provider's> -all"
        if len(records) != 1:
            what = "no SPF record" if not records else f"{len(records)} SPF records, which are none"
            self._tell("error", f"{domain} has {what}", fix)
        elif re.search(r" \+?all\b", records[0], re.IGNORECASE):
            says = f"the SPF record of {domain} lets everybody send in its name (+all)"
            self._tell("error", says, f"end it with -all or ~all: {records[0][:80]}")

    def _way_back(self, domain: str, what: str, word: str) -> None:
        try:
            if not self.names.takes_mail(domain):
                says = f"{what} cannot come back: {domain} has neither MX nor an address"
                self._tell("error", says, f"publish its MX, or name another {word}")
        except NotTold as reason:
            self._not_told[domain] = str(reason)

    # --- DMARC ----------------------------------------------------------------------------

    def _dmarc(self, sender: str, back: str, dkim: Dkim | None) -> None:
        found = self._policy(sender)
        if found is None:
            return
        if found.tags.get("p", "").lower() not in ("none", "quarantine", "reject"):
            self._tell(
                "error",
                f"the DMARC record of {found.organization} names no policy"
                if found.tags
                else f"{sender} has no DMARC record",
                f"publish as TXT of _dmarc.{found.organization}: v=DMARC1; p=none; "
                f"rua=mailto:dmarc@{found.organization}",
            )
            return
        signs = dkim is not None and found.is_aligned(dkim.domain.lower(), sender, "adkim")
        if not signs and not found.is_aligned(back, sender, "aspf"):
            domain = dkim.domain if dkim else "what the server signs for"
            self._tell(
                "error" if dkim else "warning",
                f"DMARC of {sender} is met neither by DKIM ({domain}) nor by SPF ({back})",
                f"sign for {sender}, or let return_path lie there",
            )

    def _policy(self, sender: str) -> Dmarc | None:
        """Return the nearest record above a domain, and the highest domain that has one."""
        labels = sender.split(".")
        above = [".".join(labels[at:]) for at in range(len(labels) - 1)][:_DEEPEST]
        nearest: dict[str, str] = {}
        organization = above[-1] if above else sender
        found_at = None
        for domain in above:
            texts = self._texts(f"_dmarc.{domain}", "v=dmarc1")
            if texts is None:
                return None
            tags = _tags(texts[0]) if len(texts) == 1 else {}
            if tags and tags.get("psd") != "y":  # a registry's record speaks for no customer of it
                nearest = nearest or tags
                found_at = domain
        return Dmarc(found_at or organization, nearest)


def _is_below(domain: str, above: str) -> bool:
    return domain == above or domain.endswith(f".{above}")


def _tags(text: str) -> dict[str, str]:
    """Return the tags of a record such as ``v=DKIM1; k=rsa; p=…``, without blanks in values."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): re.sub(r"\s", "", value) for name, sign, value in pairs if sign}


def _wrong_with_key(tags: dict[str, str], own: PublicKey | None) -> str | None:
    """Return what is wrong with a published key, to go on a sentence; None if nothing is."""
    tests: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("cannot be read", lambda: tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags),
        ("is revoked", lambda: not tags["p"]),
        (
            "is not for mail",
            lambda: not {"*", "email"} & set(tags.get("s", "*").lower().split(":")),
        ),
        (
            "is not the one that we sign with",
            lambda: own is not None and not own.is_published_as(tags.get("k", "rsa"), tags["p"]),
        ),
    )
    return next((says for says, is_so in tests if is_so()), None)
