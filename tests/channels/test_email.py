"""The email channel as a project sets it: conformance, TLS, logins, signatures, settings."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import dkim
import pytest
from certificates import Authority, ed25519_key, published, rsa_key
from letters import KEY, outgoing, parsed, written
from smtp_peers import SILENCE, Office, SmtpProvider, post_office, scripted

from orchestrator.channels.email import EmailChannel
from orchestrator.channels.message import Attachment
from orchestrator.channels.outcome import Outcome
from orchestrator.errors import EnvironmentFault
from orchestrator.testing.channels import adapter_of, exercise_channel

SECRETS = {"SMTP_PASSWORD": "open sesame"}
LOGIN = "username: shop, password: env:SMTP_PASSWORD"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@contextmanager
def channel(folder: Path, settings: str, **secrets: str) -> Iterator[EmailChannel]:
    """Let a channel be as ``channels.yaml`` sets it; it waits for half a minute at most."""
    made = adapter_of(
        EmailChannel,
        f"{{{settings}}}",
        folder=folder,
        secrets={**SECRETS, **secrets},
        timeout=timedelta(seconds=30),
    )
    try:
        yield made
    finally:
        made.close()


def sent(folder: Path, settings: str, **secrets: str) -> Outcome:
    """Send one message and return what came of it; checking has found the same."""
    with channel(folder, settings, **secrets) as opened:
        wrong = opened.check()
        outcome = opened.send(outgoing())
    assert [outcome.detail] == list(wrong) or (outcome.kind == "accepted" and not wrong)
    return outcome


def test_it_keeps_the_contract_of_channels(tmp_path: Path) -> None:
    provider, key = SmtpProvider(), ed25519_key()[0].decode()
    settings = (
        f"{{host: 127.0.0.1, port: {provider.port}, tls: none, {LOGIN}, "
        "dkim: {domain: kopi.example, selector: s1, key: env:DKIM}}"
    )

    def make() -> EmailChannel:
        secrets, seconds = {**SECRETS, "DKIM": key}, timedelta(seconds=3)
        return adapter_of(EmailChannel, settings, folder=tmp_path, secrets=secrets, timeout=seconds)

    done = exercise_channel(make, provider)
    provider.stop()

    assert done.left_out == (
        "the provider does not trouble",
        "no callbacks: receipts were not tried",
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_leaves_over_tls_to_a_server_with_the_right_certificate(
    tmp_path: Path, authority: Authority, tls: str, host: str
) -> None:
    shows = authority.server(tmp_path, host)
    option = (
        {"tls_context": shows, "require_starttls": True}
        if tls == "starttls"
        else {"ssl_context": shows}
    )
    with post_office(Office(), **option) as office:
        settings = f"host: {host}, port: {office.port}, tls: {tls}, authorities: env:AUTHORITIES"
        outcome = sent(tmp_path, settings, AUTHORITIES=authority.pem)

    assert outcome.kind == "accepted"
    assert [taken.to for taken in office.taken] == [["ayu@mail.example"]]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_large_mails_over_several_secured_connections_arrive_whole(
    tmp_path: Path, authority: Authority, tls: str
) -> None:
    shows = authority.server(tmp_path, "127.0.0.1")
    file = Attachment("catalogue.pdf", "application/pdf", bytes(range(256)) * 3_000)
    mails = [outgoing(to=f"c{n}@mail.example", attachments=(file,)) for n in range(6)]
    option = {"tls_context" if tls == "starttls" else "ssl_context": shows}
    with post_office(Office(), **option) as office:
        settings = f"host: 127.0.0.1, port: {office.port}, tls: {tls}, authorities: env:AUTHORITIES"
        with channel(tmp_path, settings, AUTHORITIES=authority.pem) as opened:
            ended = list(opened.send_batch(mails, lambda _: True))

    assert {outcome.kind for _, outcome in ended if outcome} == {"accepted"}
    assert {taken.to[0]: taken.octets for taken in office.taken} == {
        message.to: written(message) for message in mails
    }


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("host", "days", "trusts"),
    [("127.0.0.1", 36_500, False), ("mail.kopi.example", 36_500, True), ("127.0.0.1", 1, True)],
    ids=["unknown authority", "another host", "expired"],
)
def test_a_wrong_certificate_ends_the_attempt_before_anything_is_said(
    tmp_path: Path, authority: Authority, tls: str, host: str, days: int, trusts: bool
) -> None:
    shows = authority.server(tmp_path, host, timedelta(days=days))
    option = {"tls_context" if tls == "starttls" else "ssl_context": shows}
    trusted = "authorities: env:AUTHORITIES, " if trusts else ""
    with post_office(Office(), **option) as office:
        settings = f"{trusted}host: 127.0.0.1, port: {office.port}, tls: {tls}, {LOGIN}"
        outcome = sent(tmp_path, settings, AUTHORITIES=authority.pem)

    assert (outcome.kind, outcome.fault) == ("deferred", "provider")
    assert "certificate" in str(outcome.detail)
    assert (office.taken, office.logins) == ([], [])


def test_without_starttls_nothing_is_said(tmp_path: Path) -> None:
    with scripted() as server:
        outcome = sent(tmp_path, f"host: 127.0.0.1, port: {server.port}, {LOGIN}")

    assert outcome.kind == "refused"
    assert not any(said.startswith(("AUTH", "MAIL")) for said in server.heard)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("220 go\r\n250-injected\r\n250 AUTH PLAIN", "deferred"), ("454 4.7.0 Not now", "deferred"),
     ("502 What?", "refused"), ("220 go", "deferred")],
    ids=["more than it may", "not now", "never", "then it does not"],
)  # fmt: skip
def test_tls_that_does_not_begin_is_not_done_without(
    tmp_path: Path, answer: str, kind: str
) -> None:
    offers = "250-here\r\n250 STARTTLS"
    with scripted({"EHLO": offers, "STARTTLS": answer, "": "502 ?"}) as server:
        outcome = sent(tmp_path, f"host: 127.0.0.1, port: {server.port}, {LOGIN}")

    assert outcome.kind == kind
    assert not any(said.startswith(("AUTH", "MAIL")) for said in server.heard)


@pytest.mark.parametrize(("given", "kind"), [("open sesame", "accepted"), ("wrong", "refused")])
@pytest.mark.parametrize("way", ["PLAIN", "LOGIN"])
def test_it_logs_in(tmp_path: Path, authority: Authority, way: str, given: str, kind: str) -> None:
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[way]
    shows = authority.server(tmp_path, "127.0.0.1")
    office = Office(extensions=("PIPELINING",))
    with post_office(office, tls_context=shows, auth_exclude_mechanism=[other]):
        settings = f"host: 127.0.0.1, port: {office.port}, authorities: env:AUTHORITIES, {LOGIN}"
        outcome = sent(tmp_path, settings, AUTHORITIES=authority.pem, SMTP_PASSWORD=given)

    assert {login[1:] for login in office.logins} == {(b"shop", given.encode())}
    assert outcome.kind == kind
    assert given not in str(outcome)


def test_without_tls_the_password_itself_stays_here_if_there_is_another_way(
    tmp_path: Path,
) -> None:
    script = {"EHLO": "250-here\r\n250 AUTH PLAIN LOGIN CRAM-MD5", "AUTH": "334 PDFAaGVyZT4="}
    with scripted(script) as server:
        settings = f"host: 127.0.0.1, port: {server.port}, tls: none, {LOGIN}"
        with channel(tmp_path, settings) as opened:
            opened.check()

    digest = hmac.new(b"open sesame", b"<1@here>", "md5").hexdigest()
    given = base64.b64encode(f"shop {digest}".encode()).decode()
    assert server.heard[1:3] == ["AUTH CRAM-MD5", given]


@pytest.mark.parametrize("way", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("answer", ["535 5.7.8 {} is wrong", "501 what is {}?", "454 4.7.0 {}"])
def test_a_server_that_repeats_the_login_is_not_quoted(
    tmp_path: Path, way: str, answer: str, authority: Authority
) -> None:
    given = base64.b64encode(b"\0shop\0open sesame" if way == "PLAIN" else b"open sesame").decode()
    said = answer.format(f"AUTH {way} {given} (open sesame)")
    asked = {
        "EHLO": f"250-here\r\n250 AUTH {way}",
        "AUTH": "334 VXNlcg==",
        "C2HVCA==": "334 UGFzcw==",
    }
    script = {**asked, given.upper(): said, **({"AUTH": said} if way == "PLAIN" else {})}
    with scripted(script, tls=authority.server(tmp_path, "127.0.0.1")) as server:
        settings = f"host: 127.0.0.1, port: {server.port}, tls: implicit, {LOGIN}"
        outcome = sent(
            tmp_path, f"{settings}, authorities: env:AUTHORITIES", AUTHORITIES=authority.pem
        )

    assert outcome.kind == ("deferred" if answer.startswith("4") else "refused")
    assert "does not take the login" in str(outcome.detail)
    for secret in ("open", given, given[:12]):
        assert secret not in repr(outcome)


@pytest.mark.parametrize("offers", ["250 HELP", "250 AUTH XOAUTH2 GSSAPI"])
def test_a_server_that_offers_no_known_login_does_not_let_us_in(
    tmp_path: Path, offers: str
) -> None:
    with scripted({"EHLO": f"250-here\r\n{offers}"}) as server:
        outcome = sent(tmp_path, f"host: 127.0.0.1, port: {server.port}, tls: none, {LOGIN}")

    assert outcome.kind == "refused"


@pytest.mark.parametrize("key", [rsa_key, ed25519_key])
def test_what_arrives_is_signed_and_leads_back_to_us(
    tmp_path: Path, key: Callable[[], tuple[bytes, str]]
) -> None:
    pem, record = key()
    with post_office(Office()) as office:
        settings = (
            f"host: 127.0.0.1, port: {office.port}, tls: none, ehlo: mail.kopi.example, "
            "dkim: {domain: kopi.example, selector: s1, key: env:DKIM}, "
            "return_path: 'bounces+{key}@mail.kopi.example', headers: {X-Tag: 'clm-{key}'}"
        )
        outcome = sent(tmp_path, settings, DKIM=pem.decode())

    [taken] = office.taken
    assert outcome.kind == "accepted"
    assert dkim.verify(taken.octets, dnsfunc=published({"s1._domainkey.kopi.example": record}))
    assert parsed(taken.octets)["X-Tag"] == f"clm-{KEY}"
    assert (taken.mail_from, taken.called) == (
        f"bounces+{KEY}@mail.kopi.example",
        "mail.kopi.example",
    )


def test_a_sender_that_the_key_does_not_sign_for_is_refused(tmp_path: Path) -> None:
    settings = (
        "host: 127.0.0.1, port: 1, tls: none, "
        "dkim: {domain: other.example, selector: s1, key: env:DKIM}"
    )
    with post_office(Office()) as office:
        settings = settings.replace("port: 1", f"port: {office.port}")
        with channel(tmp_path, settings, DKIM=ed25519_key()[0].decode()) as opened:
            outcome = opened.send(outgoing())

    assert (outcome.kind, outcome.code) == ("refused", "not_aligned")
    assert office.taken == []


def test_marketing_mail_without_a_way_to_leave_does_not_leave(tmp_path: Path) -> None:
    with post_office(Office()) as office:
        with channel(tmp_path, f"host: 127.0.0.1, port: {office.port}, tls: none") as opened:
            outcome = opened.send(outgoing(unsubscribe=None))

    assert (outcome.kind, outcome.code) == ("rejected", "no_unsubscribe")
    assert "links.base_url" in str(outcome.detail)
    assert office.taken == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("host: smtp.kopi.example, tls: none", "only to a server on this machine"),
        ("host: smtp.kopi.example, username: shop", "password"),
        ("host: smtp.kopi.example, password: env:X", "username"),
        ("host: smtp.kopi.example, username: shop, password: hunter2", "place of a secret"),
        ("host: 'a b'", "host"), ("port: 25", '"host"'), ("host: a.example, port: 0", "port|whole"),
        ("host: a.example, tls: off", "starttls"), ("host: a.example, return_path: bounces", "bounces"),
        (f"host: a.example, return_path: '{'b' * 15}{{key}}@a.example'", "an address such as"),
        ("host: a.example, unsubscribe_by_mail: leave@a.example", "{token}"),
        ("host: a.example, unsubscribe_by_mail: 'leave{token}@a.example'", "{token}"),
        ("host: a.example, unsubscribe_by_mail: 'leave+{token}@a'", "{token}"),
        ("host: a.example, unsubscribe_by_mail: 'leave.by.mail+{token}@a.example'", "12 characters"),
        ("host: a.example, headers: {Bcc: x}", "name of a header"),
        ("host: a.example, headers: {X: ä}", "one line|ASCII"),
        ("host: a.example, dkim: {domain: kopi, selector: s, key: env:X}", "domain"),
        ("host: a.example, dkim: {domain: kopi.example, selector: s}", '"key"'),
        ("hots: a.example", 'did you mean "host"'), ("host: a.example, verify: false", "unknown word"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_meant_are_told(tmp_path: Path, settings: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as told:
        adapter_of(EmailChannel, f"{{{settings}}}", folder=tmp_path, secrets={"X": "x"})

    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("settings", "secret"),
    [("dkim: {domain: kopi.example, selector: s, key: env:X}", "no key"), ("authorities: env:X", "no pem")],
)  # fmt: skip
def test_a_key_that_cannot_be_used_is_told_when_the_channel_is_opened(
    tmp_path: Path, settings: str, secret: str
) -> None:
    with (
        pytest.raises(EnvironmentFault) as told,
        channel(tmp_path, f"host: a.example, {settings}", X=secret),
    ):
        pass

    assert secret not in f"{told.value} {told.value.help}"


# --- a port that speaks otherwise ---------------------------------------------------------


@pytest.mark.parametrize("greets", ["220 here", SILENCE], ids=["at once", "only after a while"])
def test_tls_against_a_port_that_begins_in_plain_text_is_told_soon(
    tmp_path: Path, greets: str
) -> None:
    with scripted({"connect": greets}) as server:
        settings = f"host: 127.0.0.1, port: {server.port}, tls: implicit"
        wrong = checked_soon(tmp_path, settings)

    assert f"perhaps port {server.port} begins in plain text" in wrong
    assert "then say tls: starttls" in wrong


@pytest.mark.parametrize("tls", ["starttls", "none"])
def test_plain_text_against_a_port_that_begins_with_tls_is_told_soon(
    tmp_path: Path, authority: Authority, tls: str
) -> None:
    shows = authority.server(tmp_path, "127.0.0.1")
    with scripted(tls=shows) as server:
        wrong = checked_soon(tmp_path, f"host: 127.0.0.1, port: {server.port}, tls: {tls}")

    assert "the server does not answer in time" in wrong
    assert f"perhaps port {server.port} begins with TLS" in wrong
    assert "then say tls: implicit" in wrong


@pytest.mark.parametrize(
    "script",
    [{"EHLO": SILENCE}, {"NOOP": SILENCE}, {"connect": "220-more", "EHLO": SILENCE}],
    ids=["after the greeting", "once it let us in", "in the greeting"],
)
def test_a_server_that_falls_silent_is_told_soon(
    tmp_path: Path, script: dict[str, str | list[str]]
) -> None:
    with scripted(script) as server:
        wrong = checked_soon(tmp_path, f"host: 127.0.0.1, port: {server.port}, tls: none")

    assert "the server does not answer in time" in wrong


def test_a_certificate_that_is_not_trusted_is_no_wrong_port(
    tmp_path: Path, authority: Authority
) -> None:
    with scripted(tls=authority.server(tmp_path, "127.0.0.1")) as server:
        wrong = checked_soon(tmp_path, f"host: 127.0.0.1, port: {server.port}, tls: implicit")

    assert "certificate" in wrong
    assert "perhaps" not in wrong


def checked_soon(folder: Path, settings: str) -> str:
    """Return what a check finds; it takes no longer than somebody waits."""
    made = adapter_of(EmailChannel, f"{{{settings}}}", folder=folder, secrets=SECRETS)
    begun = monotonic()
    try:
        [wrong] = made.check()
    finally:
        made.close()
    assert monotonic() - begun < 15
    return wrong


@pytest.mark.parametrize(
    ("key", "is_told"),
    [(rsa_key(1024)[0], True), (rsa_key(2048)[0], False), (ed25519_key()[0], False)],
    ids=["1024 bits", "2048 bits", "Ed25519"],
)
def test_a_check_tells_that_a_dkim_key_is_weak(tmp_path: Path, key: bytes, is_told: bool) -> None:
    said = "dkim: {domain: kopi.example, selector: s1, key: env:DKIM}"
    with post_office(Office()) as office:
        settings = f"host: 127.0.0.1, port: {office.port}, tls: none, {said}"
        with channel(tmp_path, settings, DKIM=key.decode()) as opened:
            found = opened.check()

    assert [one for one in found if "2048 bits" in one] == [*found]
    assert bool(found) == is_told


@pytest.mark.parametrize(
    ("host", "base_url", "is_told"),
    [
        ("mail.invalid", "https://shop.example", True),
        ("mail.invalid", "https://www.example.com/shop", True),
        ("mail.invalid", "https://shop.test", True),
        ("mail.invalid", "https://localhost", True),
        ("mail.invalid", "https://10.1.2.3:8443/shop", True),
        ("mail.invalid", "https://shop.at", False),
        ("mail.invalid", "https://1.1.1.1", False),
        ("mail.invalid", "https://myexample.com", False),
        ("mail.invalid", None, False),
        ("127.0.0.1", "https://shop.example", False),
    ],
)
def test_a_check_tells_that_links_lead_nowhere(
    tmp_path: Path, host: str, base_url: str | None, is_told: bool
) -> None:
    made = adapter_of(
        EmailChannel,
        f"{{host: {host}, port: 9}}",
        folder=tmp_path,
        base_url=base_url,
        timeout=timedelta(seconds=5),
    )
    try:
        found = made.check()
    finally:
        made.close()
    told = [one for one in found if "links.base_url" in one]
    assert len(found) - len(told) == 1  # no server answers there
    assert bool(told) == is_told
