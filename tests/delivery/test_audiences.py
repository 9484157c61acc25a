"""Lists for advertisers: whole, hashed as the platform says, without those who did not consent."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import pytest
from harness import Shop, at
from sqlalchemy import insert

from orchestrator import tables
from orchestrator.channels.audience_files import Member, hashed
from orchestrator.cli.shell import answer
from orchestrator.columns import to_micros
from orchestrator.delivery.audiences import export_audiences

FLOW = """
flow: lapse
status: live
starts_when: {did: view}
re_entry: always
steps: [{add_to: lapsed}, {wait: 1 day}, {remove_from: lapsed, only_if: {did: buy, since: entry}}]
"""
CATALOG = """
events: {view: {}, buy: {}}
topics: {ads: marketing, news: marketing}
lists: [lapsed]
"""
CHANNELS = """
channels:
  audience:
    lists: [{list: lapsed, platform: meta, topic: ads}, {list: lapsed, platform: google, topic: ads}]
"""


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def lapsed(shop: Shop) -> Shop:
    """A shop with four people on the list, of whom ``cai`` does not consent."""
    shop.write(lapse=FLOW, catalog=CATALOG, channels=CHANNELS)
    people: dict[str, dict[str, Any]] = {
        "ana": {"topics": ("ads",), "phone": "+43 664 1234567"},
        "ben": {"topics": ("ads",)},
        "cai": {"topics": ("news",)},
        "dea": {"topics": ("ads",)},
    }
    shop.customers(**people).tick("2026-03-01T09:00")
    for name in people:
        shop.event(name, "view", "2026-03-02T08:00")
    shop.tick("2026-03-02T09:00")
    return shop


def exported(shop: Shop, when: str) -> tuple[list[list[str]], list[list[str]]]:
    """Export, and return the rows of Meta's list and of the removals."""
    with shop.engine.connect() as connection:
        export_audiences(connection, shop.playbook, shop.folder, at(when), lambda *_: None)
    folder = shop.folder / "outbox" / "audience"
    removed = [
        row for path in sorted((folder / "removed").glob("lapsed.meta.*")) for row in rows(path)[1:]
    ]
    return rows(folder / "lapsed.meta.csv"), removed


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="ascii", newline="") as file:
        return list(csv.reader(file))


def test_the_whole_list_is_written_with_those_who_consent(lapsed: Shop) -> None:
    listed, removed = exported(lapsed, "2026-03-02T10:00")

    assert listed == [
        ["email", "phone"],
        [sha("ana@shop.example"), sha("436641234567")],
        [sha("ben@shop.example"), ""],
        [sha("dea@shop.example"), ""],
    ]
    assert removed == []
    assert not list((lapsed.folder / "outbox" / "audience").glob(".clmctl*"))


def test_an_opt_out_is_a_removal(lapsed: Shop) -> None:
    exported(lapsed, "2026-03-02T10:00")
    lapsed.consent("ben", "ads", "2026-03-02T11:00", withdrawn=True).import_facts()

    listed, removed = exported(lapsed, "2026-03-02T12:00")
    assert [sha("ben@shop.example"), ""] not in listed
    assert removed == [[sha("ben@shop.example"), ""]]
    assert exported(lapsed, "2026-03-02T13:00")[1] == removed, "told once"


def test_who_leaves_the_list_is_removed(lapsed: Shop) -> None:
    exported(lapsed, "2026-03-02T10:00")
    lapsed.event("dea", "buy", "2026-03-02T12:00").tick("2026-03-04T09:00")

    listed, removed = exported(lapsed, "2026-03-04T10:00")
    assert len(listed) == 3
    assert removed == [[sha("dea@shop.example"), ""]]


def test_a_suppressed_address_is_left_out_and_the_other_one_stays(lapsed: Shop) -> None:
    with lapsed.engine.begin() as connection:
        for name in ("ana", "ben"):
            row = {"kind": "email", "address": f"{name}@shop.example", "reason": "bounced"}
            connection.execute(
                insert(tables.suppression).values(**row, at=to_micros(at("2026-03-02T09:30")))
            )

    listed, _ = exported(lapsed, "2026-03-02T10:00")
    assert listed[1:] == [["", sha("436641234567")], [sha("dea@shop.example"), ""]]


def test_what_happens_later_does_not_count(lapsed: Shop) -> None:
    assert exported(lapsed, "2026-03-02T08:59")[0] == [["email", "phone"]]


@pytest.mark.parametrize(
    ("member", "google", "meta"),
    [
        (Member(" Ana.Maria@Gmail.com ", None), ("anamaria@gmail.com", ""), ("ana.maria@gmail.com", "")),
        (Member("a.b@shop.example", "0664 1234567"), ("a.b@shop.example", "+436641234567"), ("a.b@shop.example", "436641234567")),
        (Member(None, "nonsense"), None, None),
        (Member("nonsense", None), None, None),
    ],
)  # fmt: skip
def test_each_platform_has_its_way_to_normalize(
    member: Member, google: tuple[str, str] | None, meta: tuple[str, str] | None
) -> None:
    def plain(found: tuple[str, str] | None) -> tuple[str, ...] | None:
        return None if found is None else tuple(sha(one) if one else "" for one in found)

    assert hashed(member, "google", "AT") == plain(google)
    assert hashed(member, "meta", "AT") == plain(meta)


def test_the_verb_writes_them_and_says_how_many(
    lapsed: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--project", str(lapsed.folder), "--db", database_url]
    assert answer(["channels", "export", "--at", "2026-03-02T10:00Z", *words]) == 0
    said = capsys.readouterr()
    assert "lapsed for meta: 3 people, 0 removed" in said.err
    assert said.out.splitlines()[0].endswith("lapsed.meta.csv")
    lapsed.write(channels="channels: {email: {adapter: file}}")
    assert answer(["channels", "export", *words]) == 2


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("{list: lapsd, platform: meta, topic: ads}", "CLM2"), ("{list: lapsed, platform: meta, topic: adz}", "CLM2"), ("{list: lapsed, platform: metta, topic: ads}", "CLM1")],
)  # fmt: skip
def test_wrong_names_are_found_by_check(
    lapsed: Shop, capsys: pytest.CaptureFixture[str], wrong: str, code: str
) -> None:
    lapsed.write(channels=f"channels: {{audience: {{lists: [{wrong}]}}}}")
    assert answer(["check", "--project", str(lapsed.folder)]) == 1
    assert "channels.yaml:1" in capsys.readouterr().out
