"""From a decided send to a server that takes it: a whole project, a real server on loopback."""

from __future__ import annotations

import re
from datetime import timedelta

import dkim
import pytest
from certificates import published, rsa_key
from harness import CATALOG, PROJECT, Shop
from letters import parsed
from returned_mails import POSTFIX, WISH, raw
from sending import KEYS, NOW, drain, greeted, happened, ledger
from smtp_peers import Office, SmtpProvider, post_office

from orchestrator.channels.email import EmailChannel
from orchestrator.channels.mail.reports import returned_mail
from orchestrator.delivery.links import links_of
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.returning import Returns
from orchestrator.testing.channels import Behaviour, adapter_of

SENDERS = "senders: {hello: 'Kopi & Kain <hello@kopi.example>'}\n"
PUBLIC = "postal_address: Jalan Kopi 1, Jakarta\nlinks: {base_url: 'https://kopi.example/m'}\n"
MAIL = """\
---
subject: Hai 👋
---
<html><head><style>p { color: #222 }</style></head><body>
{% for n in range(2) %}<p>Kopi {{ n }} – <a href="{{ links.unsubscribe }}">keluar</a></p>
{% endfor %}</body></html>
"""
SETTINGS = "host: 127.0.0.1, tls: none, port: "


def kopi(shop: Shop, customers: int) -> Shop:
    """Return a shop in which a mail of marketing is queued for each of some customers."""
    shop.write(project=PROJECT + PUBLIC, catalog=CATALOG + SENDERS)
    folder = shop.folder / "templates" / "hello"
    folder.mkdir(parents=True)
    (folder / "message.yaml").write_text("topic: news\nreply_to: tanya@kopi.example\n")
    greeted(shop, customers)
    (folder / "email.txt.j2").unlink()
    (folder / "email.html.j2").write_text(MAIL, encoding="utf-8")
    return shop


def mail(shop: Shop, settings: str, at_once: int = 20, **secrets: str) -> Outlet:
    """Return the outlet of mail as ``channels.yaml`` would set it."""
    adapter = adapter_of(EmailChannel, f"{{{settings}}}", folder=shop.folder, secrets=secrets)
    return Outlet(channel="email", adapter=adapter, at_once=at_once)


def test_each_mail_arrives_once_signed_and_can_be_left(shop: Shop) -> None:
    kopi(shop, customers=25)
    key, record = rsa_key()
    signed = "dkim: {domain: kopi.example, selector: s1, key: env:DKIM}"
    with post_office(Office()) as office:
        drain(shop, mail(shop, f"{SETTINGS}{office.port}, {signed}", DKIM=key.decode()))

    assert ledger(shop, "state") == ["sent"] * 25
    assert sorted(taken.to[0] for taken in office.taken) == [
        f"c{n:05}@shop.example" for n in range(25)
    ]
    keys = dict(zip(ledger(shop, "provider_key"), ledger(shop, "provider_id"), strict=True))
    links = links_of(shop.playbook, KEYS)
    for taken in office.taken:
        read = parsed(taken.octets)
        leave = read["List-Unsubscribe"].removeprefix("<").partition(">")[0]
        wish = links.read("unsubscribe", leave.rpartition("/")[2])
        html = read.get_body(("html",))
        assert dkim.verify(taken.octets, dnsfunc=published({"s1._domainkey.kopi.example": record}))
        assert read["Message-ID"].removeprefix("<").partition("@")[0] in keys
        assert (read["From"], read["Reply-To"]) == (
            "Kopi & Kain <hello@kopi.example>",
            "tanya@kopi.example",
        )
        assert wish is not None
        assert f"{wish.message.customer}@shop.example" == taken.to[0]
        assert wish.topic == "news"
        assert html is not None
        assert html.get_content().count('<p style="color: #222">Kopi') == 2


def test_what_comes_back_by_mail_finds_its_message(shop: Shop) -> None:
    key, record = rsa_key()
    words = (
        "unsubscribe_by_mail: 'leave+{token}@kopi.example'\n"
        "    return_path: 'bounces+{key}@kopi.example'\n"
        "    dkim: {domain: kopi.example, selector: s1, key: env:DKIM}\n"
    )
    shop.write(channels=f"channels:\n  email:\n    host: 127.0.0.1\n    {words}")
    kopi(shop, customers=2)
    with post_office(Office()) as office:
        settings = words.strip().replace("\n    ", ", ")
        drain(shop, mail(shop, f"{SETTINGS}{office.port}, {settings}", DKIM=key.decode()))

    back = []
    for taken in office.taken:
        head = taken.octets.partition(b"\r\n\r\n")[0]
        [leave] = re.findall(
            rb"\r\nList-Unsubscribe: <https://kopi\.example/m/u/[!-~]+>, <mailto:([!-~]+)>\r\n"
            rb"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            head,
        )
        covered = parsed(taken.octets)["DKIM-Signature"].partition("h=")[2].partition(";")[0]
        assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(covered.split(":"))
        assert dkim.verify(taken.octets, dnsfunc=published({"s1._domainkey.kopi.example": record}))
        assert re.fullmatch(r"bounces\+[A-Z2-7]{40}@kopi\.example", taken.mail_from)
        back.append(raw(POSTFIX, to=taken.mail_from, receiver=taken.to[0], returned=""))
        back.append(raw(WISH, to=leave.decode()))

    returns = Returns(shop.engine, shop.playbook, links_of(shop.playbook, KEYS))
    took = returns.take([returned_mail(one) for one in back], NOW + timedelta(hours=1))
    assert took.new == {"bounced": 2, "unsubscribed": 2}


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [("defer", "queued"), ("reject", "dead"), ("refuse", "queued"), ("break_before", "queued"),
     ("break_after", "in_doubt"), ("garble", "in_doubt")],
)  # fmt: skip
def test_what_a_server_does_decides_the_state(shop: Shop, behaviour: Behaviour, state: str) -> None:
    kopi(shop, customers=1)
    provider = SmtpProvider()
    provider.behave(behaviour)
    login = "username: shop, password: env:PASSWORD"
    drain(shop, mail(shop, f"{SETTINGS}{provider.port}, {login}", PASSWORD=f"of {login}"))
    provider.stop()

    assert ledger(shop, "state") == [state]
    assert "accepted" not in {kind for kind, _ in happened(shop)}


def test_marketing_mail_does_not_leave_before_there_is_a_way_to_leave(shop: Shop) -> None:
    kopi(shop, customers=2).write(project=PROJECT)
    with post_office(Office()) as office:
        drain(shop, mail(shop, f"{SETTINGS}{office.port}"))

    assert office.taken == []
    assert "sent" not in ledger(shop, "state")
