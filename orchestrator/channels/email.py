"""The ``email`` channel: mail by SMTP, as receivers ask bulk senders for it.

What a message looks like is in ``channels/mail/compose.py``, what is said to the server in
``channels/mail/delivering.py``. A message is one transaction with one receiver.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from orchestrator.channels.base import BatchChannel, Capabilities, MayBegin, Surroundings
from orchestrator.channels.mail.settings import EmailSettings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.spec import CHANNELS


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
        )

        super().__init__(settings, surroundings)
        self._composer = composer_of(settings)
        self._seconds = self.capabilities.timeout.total_seconds()
        self._pool = pool_of(settings, self._seconds)

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        from orchestrator.channels.mail.errands import Errands  # noqa: PLC0415 - see above

        errands = Errands(messages, self._composer, may_begin, self._seconds)
        yield from self._pool.carry(errands, len(messages))

    def check(self) -> Sequence[str]:
        wrong = self._pool.check()
        return [wrong] if wrong else []

    def close(self) -> None:
        self._pool.close()
