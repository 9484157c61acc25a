"""The project's secret, and what is derived from it: provider keys, and tokens in links.

The secret is ``CLM_SECRET_KEY``, else the first line of ``.clm/secret.key``, which is made when
it is first needed. Each purpose has a key of its own (HKDF, RFC 5869), so that a token made for
one is worth nothing for another. A token names the key it was signed with (``kid``): whoever
changes the secret keeps the old one, and links in messages already sent work for ever.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal

from orchestrator.errors import EnvironmentFault
from orchestrator.settings import LOCAL_FOLDER

SECRET_VARIABLE = "CLM_SECRET_KEY"  # noqa: S105  # a name, not what it holds
OLD_SECRETS_VARIABLE = "CLM_SECRET_KEYS_OLD"
SECRET_FILE = LOCAL_FOLDER / "secret.key"
SHORTEST_SECRET = 32
"""Characters; a secret made here has 43, of 256 random bits."""
LONGEST_TOKEN = 4_096


class SecretFault(EnvironmentFault):
    """The secret cannot be used as it is."""


TokenPurpose = Literal["unsubscribe", "preferences", "onsite", "unsubscribe_by_mail"]

_VERSION = "v1"
_SALT = b"clmctl/v1"
_PROVIDER_KEY_OCTETS = 25
"""Five make eight characters."""
_PROOF_CHARACTERS = 12
"""60 bits, which can be tried one mail at a time."""


@dataclass(frozen=True)
class Secret:
    """One secret of the project. Only keys derived from it are used, never itself."""

    _text: str

    def __repr__(self) -> str:
        return f"Secret(kid={self.kid!r})"

    @cached_property
    def kid(self) -> str:
        """The secret's public name: 8 characters that say nothing of it."""
        return base64.b32encode(self.key("kid"))[:8].decode().lower()

    def key(self, purpose: str) -> bytes:
        """Return the 32 octets for one purpose: HKDF-SHA256 with one block of output."""
        known = self._derived.get(purpose)
        if known is None:
            extracted = hmac.digest(_SALT, self._text.encode(), sha256)
            known = hmac.digest(extracted, purpose.encode() + b"\x01", sha256)
            self._derived[purpose] = known
        return known

    @cached_property
    def _derived(self) -> dict[str, bytes]:
        """Purpose → its key, once it was asked for."""
        return {}

    def signature(self, purpose: TokenPurpose, signed: str) -> str:
        """Return HMAC-SHA256 over what is signed, as URL-safe base64."""
        return _encoded(hmac.digest(self.key(f"token/{purpose}"), signed.encode(), sha256))

    def proof(self, purpose: TokenPurpose, said: str) -> str:
        """Return the beginning of HMAC-SHA256 over a text, in base32."""
        digest = hmac.digest(self.key(f"proof/{purpose}"), said.encode(), sha256)
        return base64.b32encode(digest)[:_PROOF_CHARACTERS].decode()


@dataclass(frozen=True)
class Keys:
    """The secret in use, and the earlier ones that still verify."""

    current: Secret
    earlier: tuple[Secret, ...] = ()

    def provider_key(self, business_key: str) -> str:
        """Return what providers know a message by: 40 characters of A-Z and 2-7.

        Nobody without the secret can guess it, or tell the message from it. It is stored with
        the message before the first attempt, so a new secret does not change it.
        """
        digest = hmac.digest(self.current.key("provider_key"), business_key.encode(), sha256)
        return base64.b32encode(digest[:_PROVIDER_KEY_OCTETS]).decode()

    def token(self, purpose: TokenPurpose, payload: str) -> str:
        """Return ``v1.kid.payload.signature``, fit for a URL. The payload can be read by all."""
        signed = f"{_VERSION}.{self.current.kid}.{_encoded(payload.encode())}"
        return f"{signed}.{self.current.signature(purpose, signed)}"

    def payload(self, purpose: TokenPurpose, token: str) -> str | None:
        """Return what a token says, or None unless it was signed here for this very purpose.

        There is one way to write a token: its signature is compared as text, in constant time.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        signed, _, signature = token.rpartition(".")
        version, _, rest = signed.partition(".")
        kid, _, encoded = rest.partition(".")
        expected = self._named(kid).signature(purpose, signed)
        if not hmac.compare_digest(expected, signature) or version != _VERSION:
            return None
        return _decoded(encoded)

    def proof(self, purpose: TokenPurpose, said: str) -> str:
        """Return 12 characters of A-Z and 2-7 that only we can put behind a text.

        They are what fits into an address, which has no room for a token.
        """
        return self.current.proof(purpose, said)

    def proves(self, purpose: TokenPurpose, said: str, proof: str) -> bool:
        """Return whether we put that proof behind a text, by this secret or an earlier one."""
        known = [one.proof(purpose, said) for one in (self.current, *self.earlier)]
        return any(hmac.compare_digest(one.encode(), proof.encode()) for one in known)

    def knows(self, kid: str) -> bool:
        """Return whether a token of that ``kid`` can be verified."""
        return any(secret.kid == kid for secret in (self.current, *self.earlier))

    def _named(self, kid: str) -> Secret:
        """Return the secret of that name; of an unknown one the current, which will not fit."""
        secrets_ = (self.current, *self.earlier)
        return next((secret for secret in secrets_ if secret.kid == kid), self.current)


def keys_of(project: Path) -> Keys:
    """Return the project's keys; the first call in a project without a secret makes one.

    Raises:
        SecretFault: a secret is too short, or its file cannot be read or made.
    """
    known = known_keys(project)
    return known or Keys(_secret(_made(project / SECRET_FILE)))


def known_keys(project: Path) -> Keys | None:
    """Return the project's keys without making a secret; None if there is none yet.

    Raises:
        SecretFault: a secret is too short, or its file cannot be read.
    """
    given = os.environ.get(SECRET_VARIABLE)
    asked = os.environ.get(OLD_SECRETS_VARIABLE, "").replace(",", " ").split()
    earlier = [_secret(text) for text in asked]
    own = [_secret(text) for text in ([] if given is None else [given])]
    own += [_secret(text) for text in _stored(project / SECRET_FILE)]
    if not own:
        return None
    first, *rest = own
    return Keys(first, tuple(one for one in dict.fromkeys([*earlier, *rest]) if one != first))


def secret_place(project: Path) -> str:
    """Return where the secret in use is looked for, as a person is told."""
    return SECRET_VARIABLE if SECRET_VARIABLE in os.environ else str(project / SECRET_FILE)


def _secret(text: str) -> Secret:
    if len(text.strip()) < SHORTEST_SECRET:
        raise SecretFault(
            f"a secret of {SECRET_VARIABLE}, {OLD_SECRETS_VARIABLE} or {SECRET_FILE} is too "
            f"short: {SHORTEST_SECRET} characters are the least",
            help="for example: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return Secret(text.strip())


def _stored(path: Path) -> list[str]:
    """Return the secrets in the file, the one in use first; none without a file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(path, "read", error) from None
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise SecretFault(
            f"{path} holds no secret",
            help="restore it from a backup, links in messages need it; if it is lost for good, "
            "remove the file: clmctl db accept-secret",
        )
    return found


def _made(path: Path) -> str:
    """Make the secret's file, whole or not at all; return what the first to make it wrote."""
    try:
        path.parent.mkdir(exist_ok=True)
        if not (path.parent / ".gitignore").exists():
            (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        handle, written = tempfile.mkstemp(prefix=".secret-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(written, path)
        finally:
            Path(written).unlink()
    except OSError as error:
        raise _fault(path, "made", error) from None
    return _stored(path)[0]


def _fault(path: Path, verb: str, error: Exception) -> SecretFault:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SecretFault(
        f"the secret {path} cannot be {verb}: {reason}", help=f"or set {SECRET_VARIABLE}"
    )


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _decoded(text: str) -> str:
    """Return what a signed payload says; it was encoded here, so it decodes."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
