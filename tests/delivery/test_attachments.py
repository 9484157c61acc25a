"""Files that go with mails: the same at every attempt, and kept once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from harness import CATALOG, PROJECT, Shop
from letters import parsed
from sending import HELLO, NOW, carried, drain, greeted, ledger, outlet, worker
from smtp_peers import Office, post_office
from sqlalchemy import func, select

from orchestrator import tables
from orchestrator.channels.email import EmailChannel
from orchestrator.channels.outcome import deferred
from orchestrator.delivery.outlet import Outlet
from orchestrator.testing.channels import adapter_of
from orchestrator.tick.releases import latest_release, recorded_playbook

SENDERS = "senders: {hello: 'Kopi & Kain <hello@kopi.example>'}\n"
PUBLIC = "postal_address: Jalan Kopi 1, Jakarta\nlinks: {base_url: 'https://kopi.example/m'}\n"
PDF = b"%PDF-1.7\r\n.\r\n" + bytes(range(256)) * 400


def attaching(shop: Shop, customers: int, flow: str = HELLO) -> Shop:
    """Return a shop whose queued mails bring a PDF and, of all messages, a text."""
    shop.write(project=PROJECT + PUBLIC, catalog=CATALOG + SENDERS)
    templates = shop.folder / "templates"
    for folder in ("hello", "_attachments"):
        (templates / folder).mkdir(parents=True)
    settings = "topic: news\nattachments: [Jadwal März.pdf, _attachments/house.txt]\n"
    (templates / "hello" / "message.yaml").write_text(settings, encoding="utf-8")
    of(shop).write_bytes(PDF)
    (templates / "_attachments" / "house.txt").write_text("Jalan Kopi 1\n", encoding="utf-8")
    return greeted(shop, customers, flow)


def of(shop: Shop) -> Path:
    return shop.folder / "templates" / "hello" / "Jadwal März.pdf"


def kept(shop: Shop) -> int:
    with shop.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(tables.attachment)) or 0


def test_attachments_arrive_as_they_are(shop: Shop) -> None:
    attaching(shop, customers=3)
    with post_office(Office()) as office:
        settings = f"{{host: 127.0.0.1, tls: none, port: {office.port}}}"
        adapter = adapter_of(EmailChannel, settings, folder=shop.folder, secrets={})
        drain(shop, Outlet(channel="email", adapter=adapter, at_once=20))

    assert ledger(shop, "state") == ["sent"] * 3
    for taken in office.taken:
        read = parsed(taken.octets)
        pdf, text = read.iter_attachments()
        assert (pdf.get_filename(), pdf.get_content_type()) == (
            "Jadwal März.pdf",
            "application/pdf",
        )
        assert pdf.get_content() == PDF
        assert (text.get_filename(), text.get_content_type()) == ("house.txt", "text/plain")
        assert text.get_payload(decode=True) == b"Jalan Kopi 1\n"
        body = read.get_body(("plain",))
        assert body is not None
        assert body.get_content().strip() == "Hello."


@pytest.mark.parametrize("is_edited", [False, True])
def test_each_attempt_attaches_what_the_first_one_did(shop: Shop, is_edited: bool) -> None:
    attaching(shop, customers=4)
    later = outlet(lambda message: deferred("busy", fault="message"))
    drain(shop, later)
    with shop.engine.connect() as connection:
        sizes = list(connection.scalars(select(func.length(tables.payload.c.content))))
    assert len(sizes) == 4
    assert max(sizes) < 2_000
    assert kept(shop) == 2

    if is_edited:
        of(shop).write_bytes(b"another")
    again = outlet()
    drain(shop, again, now=NOW + timedelta(hours=1))

    first, second = carried(later), carried(again)
    assert ledger(shop, "state") == ["sent"] * 4
    assert {one.attachments for one in second} == {one.attachments for one in first}
    assert {one.attachments[0].content for one in second} == {PDF}
    assert kept(shop) == 2


def test_other_channels_carry_no_attachments(shop: Shop) -> None:
    attaching(
        shop, customers=1, flow=HELLO.replace("send: hello", "{send: hello, channel: onsite}")
    )
    site = outlet(channel="onsite")
    drain(shop, site)

    assert [one.attachments for one in carried(site)] == [()]


def test_a_release_that_is_read_back_sends_what_it_attached(shop: Shop) -> None:
    attaching(shop, customers=2)
    with shop.engine.connect() as connection:
        latest = latest_release(connection)
        assert latest is not None
        released = recorded_playbook(connection, latest)
    assert released is not None
    assert not released.contents
    carrier = outlet()
    found = worker(shop, [carrier])
    found.current = lambda: released
    of(shop).unlink()
    found.run()

    assert [one.attachments[0].content for one in carried(carrier)] == [PDF, PDF]
