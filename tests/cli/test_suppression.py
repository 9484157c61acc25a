"""``clmctl suppression lift``: what is used again, what is refused, and what is kept of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import Shop, at
from sqlalchemy import insert, select

from orchestrator import tables
from orchestrator.cli.shell import answer

FLOW = """
flow: greet
status: live
starts_when: {did: view}
re_entry: always
steps: [{send: hello, topic: news}]
"""
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def known(shop: Shop, database_url: str) -> list[str]:
    """A shop with two customers whom a flow greets; the options that name it."""
    shop.write(greet=FLOW).customers(ana={"phone": "+436641234567"}, ben={}).tick(
        "2026-03-02T08:00:00"
    )
    return ["--project", str(shop.folder), "--db", database_url]


def suppress(shop: Shop, reason: str, kind: str = "email") -> None:
    with shop.engine.begin() as connection:
        address = connection.scalar(
            select(tables.customer.c[kind]).where(tables.customer.c.external_id == "ana")
        )
        row = {"kind": kind, "address": address, "reason": reason, "at": at("2026-03-02T08:30")}
        connection.execute(insert(tables.suppression).values(**row))


def suppressed(shop: Shop) -> list[tuple[str, str]]:
    row = tables.suppression.c
    with shop.engine.connect() as connection:
        return [tuple(one) for one in connection.execute(select(row.kind, row.reason))]


def audited(shop: Shop) -> list[tuple[Any, ...]]:
    row = tables.audit.c
    with shop.engine.connect() as connection:
        return [
            tuple(one) for one in connection.execute(select(row.action, row.object, row.detail))
        ]


def lifted(known: list[str], *words: str) -> int:
    return answer(["suppression", "lift", *words, *known])


def test_what_bounced_is_used_again_and_that_is_kept(
    known: list[str], shop: Shop, capsys: Printed
) -> None:
    suppress(shop, "bounced")

    assert lifted(known, "ana") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "In use again: the e-mail address: bounced, since 2026-03-02 09:30:00 CET." in said
    assert "clmctl outbox list --customer ana" in said
    assert "@" not in said
    assert suppressed(shop) == []
    says = "the e-mail address: bounced, since 2026-03-02 09:30:00 CET"
    assert audited(shop) == [("lift", "customer ana", says)]

    assert lifted(known, "ana") == 0
    assert "No address of ana is out of use" in capsys.readouterr().err
    assert len(audited(shop)) == 1


def test_the_next_tick_sends_to_it_whoever_has_it(known: list[str], shop: Shop) -> None:
    shop.customers(cy={"email": "ana@shop.example"}).import_facts()
    suppress(shop, "bounced")
    for name in ("ana", "cy"):
        shop.event(name, "view", "2026-03-02T09:00:00")
    refused = ("suppress", "suppressed")
    assert shop.told("2026-03-02T09:00:00") == [("ana", *refused), ("cy", *refused)]

    assert lifted(known, "ana") == 0
    for name in ("ana", "cy"):
        shop.event(name, "view", "2026-03-02T10:00:00")
    sent = ("send", "email")
    assert shop.told("2026-03-02T10:00:00") == [("ana", *sent), ("cy", *sent)]


def test_a_complaint_is_passed_over_only_with_a_reason(
    known: list[str], shop: Shop, capsys: Printed
) -> None:
    suppress(shop, "complained")

    assert lifted(known, "ana") == 4
    said = " ".join(capsys.readouterr().err.split())
    assert "the e-mail address: complained, since" in said
    assert "--reason TEXT" in said
    assert (suppressed(shop), audited(shop)) == ([("email", "complained")], [])
    assert lifted(known, "ana", "--reason", " ") == 2

    assert lifted(known, "ana", "--reason", "pressed spam by mistake") == 0
    assert suppressed(shop) == []
    ((_, _, detail),) = audited(shop)
    assert detail.endswith("; pressed spam by mistake")


def test_what_is_out_of_use_for_good_stays_so(known: list[str], shop: Shop) -> None:
    suppress(shop, "erased")

    assert lifted(known, "ana", "--reason", "please") == 4
    assert (suppressed(shop), audited(shop)) == ([("email", "erased")], [])


def test_one_channel_s_address_is_lifted_alone_and_nobody_else_s(
    known: list[str], shop: Shop, capsys: Printed
) -> None:
    suppress(shop, "bounced")
    suppress(shop, "complained", kind="phone")

    assert lifted(known, "ben") == 0
    assert lifted(known, "ana", "--channel", "email") == 0
    assert suppressed(shop) == [("phone", "complained")]
    assert lifted(known, "ana", "--channel", "emial") == 2
    assert lifted(known, "anna") == 1
    assert 'did you mean "ana"?' in capsys.readouterr().err


def test_withdrawn_consent_stays_withdrawn_and_the_same_receipt_changes_nothing(
    known: list[str], shop: Shop, tmp_path: Path
) -> None:
    shop.event("ana", "view", "2026-03-02T09:00:00")
    shop.tick("2026-03-02T09:00:00")
    file = tmp_path / "receipts.csv"
    file.write_text(
        "customer_id,message,kind,at,flow,channel\n"
        "ana,hello,complained,2026-03-02T09:30:00Z,greet,email\n"
    )
    assert answer(["import", "receipts", str(file), *known]) == 0
    assert suppressed(shop) == [("email", "complained")]

    assert lifted(known, "ana", "--reason", "a mistake") == 0
    assert answer(["import", "receipts", str(file), *known]) == 0
    assert suppressed(shop) == []
    shop.event("ana", "view", "2026-03-02T10:00:00")
    assert shop.told("2026-03-02T10:00:00") == [("ana", "suppress", "consent")]
