"""Contents that nobody needs any more are swept; what anybody needs, or is about to, stays."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from harness import CATALOG, PROJECT, Shop
from sending import HELLO, NOW, carried, drain, greeted, ledger, outlet
from sqlalchemy import insert, select, update

from orchestrator import tables
from orchestrator.channels.outcome import deferred
from orchestrator.delivery.sweeping import sweep
from orchestrator.tick.attachments import keep

SENDERS = "senders: {hello: 'Kopi & Kain <hello@kopi.example>'}\n"
PUBLIC = "postal_address: Jalan Kopi 1, Jakarta\nlinks: {base_url: 'https://kopi.example/m'}\n"
OLD, NEW = b"%PDF the first", b"%PDF the second"


@pytest.fixture
def attaching(shop: Shop) -> Shop:
    """A shop with two queued mails that bring a file."""
    shop.write(project=PROJECT + PUBLIC, catalog=CATALOG + SENDERS)
    folder = shop.folder / "templates" / "hello"
    folder.mkdir(parents=True)
    (folder / "message.yaml").write_text("topic: news\nattachments: [terms.pdf]\n")
    (folder / "terms.pdf").write_bytes(OLD)
    return greeted(shop, 2)


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def kept(shop: Shop) -> Collection[bytes]:
    with shop.engine.connect() as connection:
        return {bytes(one) for one in connection.scalars(select(tables.attachment.c.content))}


def edited(shop: Shop, when: datetime) -> None:
    """Attach another file from a tick on."""
    (shop.folder / "templates" / "hello" / "terms.pdf").write_bytes(NEW)
    shop.write(greet=HELLO)
    shop.tick(when.isoformat())


def swept(shop: Shop) -> int:
    with shop.engine.begin() as connection:
        return sweep(connection)


def test_what_the_release_in_force_names_stays(attaching: Shop) -> None:
    drain(attaching, outlet())

    assert (swept(attaching), kept(attaching)) == (0, {OLD})


def test_what_only_a_release_of_long_ago_names_is_swept(attaching: Shop) -> None:
    drain(attaching, outlet())
    edited(attaching, NOW + timedelta(hours=1))
    assert (swept(attaching), kept(attaching)) == (0, {OLD, NEW})

    attaching.tick((NOW + timedelta(days=2)).isoformat())

    assert (swept(attaching), kept(attaching)) == (1, {NEW})
    assert swept(attaching) == 0


def test_a_worker_sweeps_and_an_older_file_that_comes_back_is_kept_again(attaching: Shop) -> None:
    drain(attaching, outlet())
    edited(attaching, NOW + timedelta(hours=1))
    attaching.tick((NOW + timedelta(days=2)).isoformat())
    drain(attaching, outlet(), now=NOW + timedelta(days=2))
    assert kept(attaching) == {NEW}

    (attaching.folder / "templates" / "hello" / "terms.pdf").write_bytes(OLD)
    attaching.write(greet=HELLO)
    attaching.tick((NOW + timedelta(days=3)).isoformat())

    assert kept(attaching) == {OLD, NEW}


def test_what_was_frozen_of_a_message_stays_until_it_is_done(attaching: Shop) -> None:
    drain(attaching, outlet(lambda message: deferred("busy", fault="message")))
    edited(attaching, NOW + timedelta(hours=1))
    attaching.tick((NOW + timedelta(days=2)).isoformat())
    assert (swept(attaching), kept(attaching)) == (0, {OLD, NEW})

    with attaching.engine.begin() as connection:
        connection.execute(update(tables.message).values(not_before=NOW))
    again = outlet()
    drain(attaching, again, now=NOW + timedelta(hours=1))

    assert ledger(attaching, "state") == ["sent"] * 2
    assert {one.attachments[0].content for one in carried(again)} == {OLD}
    assert (swept(attaching), kept(attaching)) == (1, {NEW})


def test_a_payload_that_cannot_be_read_keeps_everything(attaching: Shop) -> None:
    drain(attaching, outlet())
    edited(attaching, NOW + timedelta(days=2))
    attaching.tick((NOW + timedelta(days=4)).isoformat())
    with attaching.engine.begin() as connection:
        row = {"message_id": 1, "content": b"broken", "digest": "x"}
        connection.execute(insert(tables.payload).values(**row))

    assert swept(attaching) == 0


def test_what_is_just_being_frozen_is_passed_over(attaching: Shop) -> None:
    if attaching.engine.dialect.name == "sqlite":
        return  # one transaction writes at a time
    edited(attaching, NOW + timedelta(days=2))
    attaching.tick((NOW + timedelta(days=4)).isoformat())
    with attaching.engine.begin() as freezing:
        keep(freezing, {digest(OLD): OLD})
        assert swept(attaching) == 0
    assert (swept(attaching), kept(attaching)) == (1, {NEW})


def test_what_is_just_being_swept_is_kept_again_by_who_needs_it(attaching: Shop) -> None:
    if attaching.engine.dialect.name == "sqlite":
        return  # as above
    edited(attaching, NOW + timedelta(days=2))
    attaching.tick((NOW + timedelta(days=4)).isoformat())

    def freeze() -> None:
        with attaching.engine.begin() as connection:
            keep(connection, {digest(OLD): OLD})

    with ThreadPoolExecutor(1) as other:
        with attaching.engine.begin() as sweeping:
            assert sweep(sweeping) == 1
            begun = other.submit(freeze)
            assert not wait([begun], timeout=0.3).done
        begun.result(timeout=10)

    assert kept(attaching) == {OLD, NEW}
