"""Servers that never come to an end, at every stage, in the clear and over TLS: we do.

Whatever drips under each wait, or comes faster than it is read, an attempt is over in its time,
and says what is true: before the final dot the message was surely not taken.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from channels.mail.test_delivering import WITHOUT_PIPELINING, carried, pool
from http_peers import Fault, peer
from letters import outgoing
from smtp_peers import CLOSE, ENDLESS, RESET, SILENCE, scripted

from orchestrator.channels.mail.opening import Patience

PATIENCE = Patience(connect=0.8, enter=0.8, envelope=0.8, content=0.8)
STAGES = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "content")
PLAIN_UNTIL_TLS = "220 ready\r\n250-here\r\n250 STARTTLS\r\n220 go\r\n"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem)


@pytest.mark.parametrize(
    ("how", "is_secured"),
    [
        *((how, False) for how in (*ENDLESS, SILENCE, RESET, CLOSE)),
        *((how, True) for how in ("octets without end", "lines that drip", RESET)),
    ],
)
@pytest.mark.parametrize("stage", STAGES)
def test_an_attempt_ends_whatever_a_server_goes_on_saying(
    stage: str, how: str, is_secured: bool, tmp_path: Path, authority: Authority
) -> None:
    shows = authority.server(tmp_path, "127.0.0.1") if is_secured else None
    secured: dict[str, Any] = {"security": "implicit", "tls": trusting(authority)}
    relay = {"patience": PATIENCE, **(secured if is_secured else {})}
    extensions = WITHOUT_PIPELINING if stage != "EHLO" else {}
    with scripted({**extensions, stage: how}, tls=shows) as server:
        with pool(server.port, **relay) as over:
            [outcome] = carried(over, [outgoing()])
        assert how not in ENDLESS or server.left.wait(10)

    assert outcome is not None
    if how == "replies without end":  # each of them is one; only 354 is not among them
        assert outcome.kind == ("accepted" if stage == "content" else "deferred")
    else:
        assert outcome.kind == ("unknown" if stage == "content" else "deferred")
    assert len(server.contents) == (stage == "content")
    assert "mail.example" not in str(outcome.detail)


@pytest.mark.parametrize("security", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("says", "then", "again"),
    [
        ("", "silence", b""),
        ("", "reset", b""),
        ("", "close", b""),
        ("220 plain text\r\n250 and more\r\n", "silence", b""),
        ("\x16\x03\x03\x40\x00", "drip", b"\0"),
        ("\x16\x03\x03\x40\x00", "flood", b"\0"),
    ],
    ids=["silence", "reset", "closed", "plain text", "dripping", "flooding"],
)
def test_tls_that_never_comes_about_ends_in_time(
    security: str, says: str, then: str, again: bytes, authority: Authority
) -> None:
    before = PLAIN_UNTIL_TLS if security == "starttls" else ""
    fault = Fault((before + says).encode("latin-1"), after="connected", then=then, again=again)  # type: ignore[arg-type]  # one of them
    with peer(fault) as server:
        with pool(
            server.port, security=security, tls=trusting(authority), patience=PATIENCE
        ) as over:
            [outcome] = carried(over, [outgoing()])
        assert server.was_left()

    assert outcome is not None
    assert outcome.kind == "deferred"
