"""The playbooks a scheduler decides by are read again when any of their files changes."""

from __future__ import annotations

from harness import Shop

from orchestrator.scheduler.events import Happened
from orchestrator.scheduler.files import PlaybookFiles


def test_an_included_file_that_changes_is_read_again(shop: Shop) -> None:
    shared = shop.folder / "shared" / "segments.yaml"
    shared.parent.mkdir()
    shared.write_text("segments: {vip: {did: buy}}\n", "utf-8")
    shop.write(all="include: [../shared/segments.yaml]\n")
    files, told = PlaybookFiles(shop.folder), list[Happened]()
    first = files.current(shop.engine, told.append)
    assert files.current(shop.engine, told.append) is first

    shared.write_text("segments: {vip: {did: view}}\n", "utf-8")
    second = files.current(shop.engine, told.append)
    assert second.fingerprint != first.fingerprint
    assert files.current(shop.engine, told.append) is second


def test_an_attached_file_that_changes_is_read_again(shop: Shop) -> None:
    shop.write().template("hello", "attachments: [terms.txt]")
    terms = shop.folder / "templates" / "hello" / "terms.txt"
    terms.write_text("one", "utf-8")
    files, told = PlaybookFiles(shop.folder), list[Happened]()
    first = files.current(shop.engine, told.append)
    assert files.current(shop.engine, told.append) is first

    terms.write_text("two", "utf-8")
    second = files.current(shop.engine, told.append)
    assert second.fingerprint != first.fingerprint
    terms.unlink()
    assert files.current(shop.engine, told.append) is second
    assert files.is_stale
    terms.write_text("two", "utf-8")
    assert files.current(shop.engine, told.append).fingerprint == second.fingerprint
    assert not files.is_stale
