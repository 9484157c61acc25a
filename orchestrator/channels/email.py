"""The ``email`` channel: mail by SMTP, as receivers ask bulk senders for it.

What a message looks like is in ``channels/mail/compose.py``, what is said to the server in
``channels/mail/delivering.py``. A message is one transaction with one receiver.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from orchestrator.channels.base import BatchChannel, Capabilities, MayBegin, Surroundings
from orchestrator.channels.mail.dkim import USUAL_BITS
from orchestrator.channels.mail.settings import EmailSettings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.reach import is_private
from orchestrator.channels.spec import CHANNELS

_INVENTED = re.compile(r"\.(?:test|example|invalid|localhost|example\.(?:com|net|org))\Z")
"""Names that lead nowhere, for ever (RFC 2606)."""


class EmailChannel(BatchChannel):
    """Carries e-mail to one SMTP server.

    SMTP knows no idempotency key: whether a server has taken a message that it did not answer
    cannot be found out (RFC 1047), and such an attempt is ``unknown``.
    """

    name = "email"
    spec = CHANNELS["email"]
    capabilities = Capabilities(batch=20, at_once=20, timeout=timedelta(seconds=900))
    Settings = EmailSettings
    settings: EmailSettings

    def __init__(self, settings: EmailSettings, surroundings: Surroundings) -> None:
        from orchestrator.channels.mail.making import (  # noqa: PLC0415 - sockets, TLS, keys
            composer_of,
            pool_of,
            signer_of,
        )

        super().__init__(settings, surroundings)
        self._signer = signer_of(settings)
        self._composer = composer_of(settings, self._signer)
        self._seconds = self.capabilities.timeout.total_seconds()
        self._pool = pool_of(settings, self._seconds)

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        from orchestrator.channels.mail.errands import Errands  # noqa: PLC0415 - see above

        errands = Errands(messages, self._composer, may_begin, self._seconds)
        yield from self._pool.carry(errands, len(messages))

    def check(self) -> Sequence[str]:
        found = (self._pool.check(), self._weak_key(), self._invented_links())
        return [one for one in found if one]

    def close(self) -> None:
        self._pool.close()

    def _invented_links(self) -> str | None:
        """Say that links of mails lead nowhere, unless it is only tried out on this machine."""
        base = self.surroundings.base_url
        host = (urlsplit(base).hostname or "") if base else ""
        is_invented = bool(_INVENTED.search(f".{host}"))
        if self.settings.is_on_this_machine or not (is_invented or is_private(host)):
            return None
        what = "an invented" if is_invented else "a private"
        return (
            f"links.base_url in project.yaml is {what} address ({host}): nobody could "
            "unsubscribe from these mails"
        )

    def _weak_key(self) -> str | None:
        signer = self._signer
        if signer is None or not signer.is_weak:
            return None
        return (
            f"the DKIM key of {signer.domain} has fewer than {USUAL_BITS} bits, which signers "
            "should use (RFC 8301): make a new one, under a selector of its own"
        )
