"""The URL of a database: what may stand in it, and what is said of one that is not understood."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.errors import EnvironmentFault

_EXPECTED = "Expected sqlite:///path/to/file.db, a path, or postgresql://user@host/name."
_LOGIN = re.compile(r"(?![A-Za-z]:[\\/])[^/\\]*(?:@(?!.*\.db\Z)|[^/\\:]:[^/\\])")
"""What may be a user and a password, and is hardly a file's name."""


def parse_database_url(url: str) -> URL:
    """Return what a URL says, or a bare path, with the driver that we use.

    Raises:
        EnvironmentFault: it is not understood; what is told of it holds no password.
    """
    if "://" not in url:
        if _LOGIN.match(url):
            raise EnvironmentFault(
                "The database URL is not understood: it has no “://”.", help=_EXPECTED
            )
        return URL.create("sqlite", database=url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _unreadable(url) from error
    scheme = parsed.drivername
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return parsed.set(drivername="sqlite")
    raise _unknown(scheme)


def _unknown(scheme: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"The database URL is not understood: it begins with “{scheme}://”.",
        help=_EXPECTED,
    )


def _unreadable(url: str) -> EnvironmentFault:
    """Return what is wrong with a URL, which may hold a password: no part of it is repeated."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg", "sqlite"):
        return _unknown(scheme) if re.fullmatch(r"[\w+.-]{1,20}", scheme) else _unknown("…")
    place = re.split(r"[/?#]", rest.rpartition("@")[2], maxsplit=1)[0]
    port = re.sub(r"\[[^\]]*\]", "", place).partition(":")[2]
    wrong = "its port is not a number" if port and not port.isdecimal() else "it cannot be read"
    return EnvironmentFault(
        f"The database URL is not understood: {wrong}.",
        help=f"{_EXPECTED} A password with one of : / ? # @ in it is written with %3A and so on.",
    )
