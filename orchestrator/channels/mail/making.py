"""What writes and what carries mail, made of the settings."""

from __future__ import annotations

import ssl

from orchestrator.channels.mail.compose import Composer, Manner
from orchestrator.channels.mail.dkim import DkimSigner, UnusableKey
from orchestrator.channels.mail.opening import Patience, Relay
from orchestrator.channels.mail.pool import Pool
from orchestrator.channels.mail.settings import EmailSettings
from orchestrator.channels.secret import Secret
from orchestrator.errors import EnvironmentFault


def composer_of(settings: EmailSettings, signer: DkimSigner | None) -> Composer:
    """Return what writes messages."""
    return Composer(
        Manner(return_path=settings.return_path, headers=settings.headers or {}, signer=signer)
    )


def pool_of(settings: EmailSettings, seconds: float) -> Pool:
    """Return what carries them; opens no connection yet.

    Args:
        seconds: how long one attempt may take in all.
    Raises:
        EnvironmentFault: the certificates to trust cannot be read.
    """
    username, password = settings.username, settings.password
    relay = Relay(
        host=settings.host,
        port=settings.port_or_usual,
        security=settings.tls,
        username=username.reveal() if isinstance(username, Secret) else username,
        password=password.reveal() if password else None,
        tls=None if settings.tls == "none" else _context(settings.authorities),
        called=settings.ehlo,
        patience=Patience.of(seconds),
    )
    return Pool(relay, settings.connections)


def signer_of(settings: EmailSettings) -> DkimSigner | None:
    """Return what signs messages, if something does.

    Raises:
        EnvironmentFault: the DKIM key cannot sign.
    """
    said = settings.dkim
    if said is None:
        return None
    try:
        return DkimSigner(said.domain.lower(), said.selector, said.key.reveal().encode())
    except UnusableKey as error:
        raise EnvironmentFault(str(error), help=f"{said.key} is named as the key") from None


def _context(authorities: Secret | None) -> ssl.SSLContext:
    """Return what TLS asks of servers: a certificate for the host, and at least TLS 1.2."""
    try:
        return ssl.create_default_context(cadata=authorities.reveal() if authorities else None)
    except (ssl.SSLError, ValueError):
        message = "what is named as authorities holds no certificates in PEM"
        raise EnvironmentFault(message, help=f"{authorities} is named") from None
