"""What doctor asks about mail: a name server on loopback, keys that fit and keys that do not."""

from __future__ import annotations

import json
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import ed25519_key, rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from harness import Shop
from name_server import SERVFAIL, Records, name_server
from sqlalchemy import create_engine

from orchestrator.channels.mail.dkim import public_key
from orchestrator.cli.shell import answer
from orchestrator.health.finding import Finding
from orchestrator.health.mail_checks import dns_findings, python_findings
from orchestrator.health.names import Names

KEY = rsa_key()[0]
OTHER = rsa_key()[0]
PLACE = "s2026._domainkey.kopi.example"
CATALOG = """
events: {signed_up: {}}
topics: {news: marketing}
senders: {shop: Kopi <halo@kopi.example>}
"""
CHANNELS = """
channels:
  email:
    host: 127.0.0.1
    tls: none
    return_path: bounces+{key}@mail.kopi.example
    dkim: {domain: kopi.example, selector: s2026, key: file:dkim.pem}
"""


def zone(**changed: Any) -> dict[tuple[str, str], list[str]]:
    """Return the records of a domain where all is well, some of them changed or taken away."""
    said: dict[str, Any] = {
        "spf": ["v=spf1 include:_spf.provider.example -all"],
        "dkim": [public_key(KEY).record],
        "dmarc": ["v=DMARC1; p=none; rua=mailto:dmarc@kopi.example"],
        "mx": ["10 mx.provider.example."],
        **changed,
    }
    return {
        ("mail.kopi.example", "TXT"): ["verification=1", *said["spf"]],
        ("mail.kopi.example", "MX"): said["mx"],
        (PLACE, "TXT"): said["dkim"],
        ("_dmarc.kopi.example", "TXT"): said["dmarc"],
    }


def quoted(records: Records) -> Records:
    """Write texts as zone files do, in pieces of 200."""
    return {
        (name, kind): [
            " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
            if kind == "TXT" and text != SERVFAIL
            else text
            for text in texts
        ]
        for (name, kind), texts in records.items()
    }


def written(shop: Shop) -> Shop:
    shop.write(catalog=CATALOG, channels=CHANNELS)
    (shop.folder / "dkim.pem").write_bytes(KEY)
    return shop


@pytest.fixture
def mailing(tmp_path: Path) -> Shop:
    """A project whose database nobody asks."""
    return written(Shop(create_engine("sqlite://"), tmp_path))


def asked(shop: Shop, records: Records, *, silent: bool = False) -> list[Finding]:
    with name_server(quoted(records), silent=silent) as server:
        return list(dns_findings(shop.playbook, shop.folder, Names(server)))


def test_a_domain_where_all_is_well_has_no_finding(mailing: Shop) -> None:
    assert asked(mailing, zone()) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"dkim": []}, "no key at"),
        ({"dkim": [public_key(OTHER).record]}, "is not the one that we sign with"),
        ({"dkim": [public_key(KEY).record.replace("k=rsa", "k=ed25519")]}, "not the one that we"),
        ({"dkim": [public_key(KEY).record, public_key(OTHER).record]}, "several keys"),
        ({"dkim": ["v=DKIM1; k=rsa; p="]}, "is revoked"),
        ({"dkim": ["what is this"]}, "cannot be read"),
        ({"dkim": [public_key(KEY).record + "; s=tlsrpt"]}, "is not for mail"),
        ({"dkim": [public_key(KEY).record + "; t=y:s"]}, "on trial"),
        ({"spf": []}, "has no SPF record"),
        ({"spf": ["v=spf1 -all", "v=spf1 mx ~all"]}, "2 SPF records"),
        ({"spf": ["v=spf1 mx +all"]}, "lets everybody send"),
        ({"spf": ["v=spf1 mx all"]}, "lets everybody send"),
        ({"spf": ["v=spf10 -all"]}, "has no SPF record"),
        ({"dmarc": []}, "has no DMARC record"),
        ({"dmarc": ["v=DMARC1; rua=mailto:x@kopi.example"]}, "names no policy"),
        ({"dmarc": ["v=DMARC1; p=none; psd=y"]}, "has no DMARC record"),
        ({"mx": []}, "bounces cannot come back"),
        ({"mx": ["0 ."]}, "bounces cannot come back"),
    ],
)
def test_what_receivers_would_turn_away_is_found(
    mailing: Shop, changed: dict[str, list[str]], says: str
) -> None:
    [found] = asked(mailing, zone(**changed))

    assert says in found.says


def test_where_wishes_to_leave_go_must_take_mail_too(mailing: Shop) -> None:
    words = "    unsubscribe_by_mail: leave+{token}@post.kopi.example\n"
    mailing.write(channels=CHANNELS.rstrip("\n") + "\n" + words)
    [found] = asked(mailing, zone())

    assert found.says.startswith("wishes to leave cannot come back: post.kopi.example")
    assert "unsubscribe_by_mail" in found.fix


def test_the_fix_of_a_key_is_the_record_to_publish(mailing: Shop) -> None:
    [found] = asked(mailing, zone(dkim=[]))

    assert found.fix == f"publish as TXT of {PLACE}: {public_key(KEY).record}"


@pytest.mark.parametrize(
    "fine",
    [
        {"spf": ["V=SPF1 mx ~ALL"]},
        {"spf": ["v=spf1 redirect=_spf.provider.example"]},
        {"dmarc": ["v=DMARC1;p=reject;aspf=s"]},
        {"dkim": [public_key(KEY).record.replace("v=DKIM1; k=rsa; ", "")]},
        {"dkim": [public_key(KEY).record.replace("p=", "p= ")]},
    ],
)
def test_other_ways_to_write_a_record_are_fine(mailing: Shop, fine: dict[str, list[str]]) -> None:
    assert asked(mailing, zone(**fine)) == []


def test_an_rsa_key_in_its_older_form_is_the_same_key(mailing: Shop) -> None:
    key = load_der_public_key(b64decode(public_key(KEY).text))
    older = b64encode(key.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()

    assert asked(mailing, zone(dkim=[f"v=DKIM1; k=rsa; p={older}"])) == []


def test_an_ed25519_key_is_compared_too(mailing: Shop) -> None:
    own = ed25519_key()[0]
    (mailing.folder / "dkim.pem").write_bytes(own)

    assert asked(mailing, zone(dkim=[public_key(own).record])) == []
    [found] = asked(mailing, zone(dkim=[public_key(ed25519_key()[0]).record]))
    assert "is not the one that we sign with" in found.says


def test_a_key_that_is_kept_elsewhere_is_looked_for_and_not_compared(mailing: Shop) -> None:
    (mailing.folder / "dkim.pem").unlink()

    assert asked(mailing, zone(dkim=[public_key(OTHER).record])) == []
    assert "no key at" in asked(mailing, zone(dkim=[]))[0].says


def test_strict_dmarc_asks_for_the_very_domain(mailing: Shop) -> None:
    catalog = CATALOG.replace("halo@kopi.example", "halo@news.kopi.example")
    mailing.write(catalog=catalog)
    strict = "v=DMARC1; p=reject; adkim=s; aspf=s"

    assert asked(mailing, zone()) == []
    [found] = asked(mailing, zone(dmarc=[strict]))
    assert "is met neither by DKIM (kopi.example) nor by SPF (mail.kopi.example)" in found.says


def test_a_way_back_elsewhere_is_fine_where_dkim_speaks_for_the_sender(mailing: Shop) -> None:
    mailing.write(channels=CHANNELS.replace("mail.kopi.example", "bounce.provider.example"))
    elsewhere = {
        ("bounce.provider.example", kind): texts
        for (name, kind), texts in zone().items()
        if name == "mail.kopi.example"
    }
    records = zone() | elsewhere
    assert asked(mailing, records) == []

    without = CHANNELS.replace("mail.kopi.example", "bounce.provider.example").splitlines()
    mailing.write(channels="\n".join(line for line in without if "dkim" not in line))
    [found] = asked(mailing, records)
    assert (found.severity, "what the server signs for" in found.says) == ("warning", True)


def test_without_a_way_back_of_its_own_the_sender_is_asked_about(mailing: Shop) -> None:
    lines = CHANNELS.splitlines()
    mailing.write(channels="\n".join(line for line in lines if "return_path" not in line))
    found = asked(mailing, zone())

    assert [one.says for one in found] == [
        "kopi.example has no SPF record",
        "bounces cannot come back: kopi.example has neither MX nor an address",
    ]
    own = {("kopi.example", "TXT"): ["v=spf1 mx -all"], ("kopi.example", "A"): ["192.0.2.1"]}
    assert asked(mailing, zone() | own) == []


def test_one_name_that_nobody_tells_hides_no_other(mailing: Shop) -> None:
    found = asked(mailing, zone(dkim=[SERVFAIL], spf=[]))

    assert [one.severity for one in found] == ["error", "warning"]
    assert found[1].says == (
        f"could not ask the domain name system about {PLACE}: no name server can tell"
    )


def test_a_server_that_says_nothing_costs_two_seconds_and_one_finding(mailing: Shop) -> None:
    began = time.monotonic()
    [found] = asked(mailing, zone(), silent=True)

    assert time.monotonic() - began < 10, "one question, not each of them, waits"
    assert found.severity == "warning"
    assert found.says.startswith("could not ask the domain name system about")
    assert found.says.endswith("no answer within 2 seconds")


def test_no_server_at_all_is_one_finding(mailing: Shop) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()
    [found] = dns_findings(mailing.playbook, mailing.folder, Names(nobody))

    assert "could not ask" in found.says


def test_a_project_without_mail_asks_nothing(mailing: Shop) -> None:
    mailing.write(channels="channels: {email: {adapter: file}}")
    with name_server({}, silent=True) as server:
        assert list(dns_findings(mailing.playbook, mailing.folder, Names(server))) == []


@pytest.mark.parametrize(
    ("version", "warned"),
    [((3, 11, 14), 1), ((3, 11, 15), 0), ((3, 13, 11), 1), ((3, 14, 3), 0), ((3, 15, 0), 0)],
)
def test_a_python_whose_mail_library_lets_line_breaks_through_is_warned_of(
    mailing: Shop, version: tuple[int, int, int], warned: int
) -> None:
    assert len(list(python_findings(mailing.playbook, version))) == warned


def test_other_projects_are_not_bothered_with_the_mail_library(mailing: Shop) -> None:
    mailing.write(channels="channels: {email: {adapter: file}}")
    assert list(python_findings(mailing.playbook, (3, 11, 0))) == []


Doctor = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def doctor(shop: Shop, capsys: pytest.CaptureFixture[str], database_url: str) -> Doctor:
    """Call the verb; returns its exit code and what it says of mail."""

    def call(*options: str) -> tuple[int, list[str]]:
        words = ["--project", str(shop.folder), "--db", database_url, "-o", "json"]
        written(shop).import_facts()
        capsys.readouterr()
        code = answer(["doctor", *words, *options])
        found = json.loads(capsys.readouterr().out or '{"findings": []}')["findings"]
        return code, [one["says"] for one in found if one["area"] == "mail"]

    return call


def test_the_verb_asks_the_server_named(doctor: Doctor) -> None:
    with name_server(quoted(zone(dmarc=[]))) as (host, port):
        code, found = doctor("--dns", f"{host}:{port}")

    assert (code, found) == (1, ["kopi.example has no DMARC record"])
    assert doctor("--dns", "off")[1] == []
    assert doctor("--dns", "ns.provider.example:53")[0] == 2
