"""``clmctl receive mail``: mailboxes, the pipe of a mail server, and what that is told."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness import Shop
from jsonschema import Draft7Validator
from ledger import greeted, handed_over, key_of, rows
from returned_mails import AWAY, POSTFIX, WISH, raw
from sending import KEYS

from orchestrator.cli.shell import answer
from orchestrator.delivery.links import Links

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "receive.schema.json"
SECRET = "a secret of these tests, 32 and more"  # noqa: S105  # of sending.KEYS


@pytest.fixture
def sent(shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A shop that has written to Ana and Ben; the options that name it."""
    greeted(shop, "ana", "ben", subscribed_to="news")
    handed_over(shop.engine, "ana", "ben", provider="email")
    monkeypatch.setenv("CLM_SECRET_KEY", SECRET)
    return ["--project", str(shop.folder), "--db", database_url]


def bounce(who: str) -> bytes:
    return raw(POSTFIX, key=KEYS.provider_key(key_of(who)), receiver=f"{who}@shop.example")


def wish(who: str) -> tuple[bytes, str]:
    """Return a mail by which a customer leaves, and the address that it went to."""
    links = Links(KEYS, "shop", "https://shop.example", "leave+{token}@shop.example")
    offered = links.unsubscribe(key_of(who), "news", KEYS.provider_key(key_of(who)))
    assert offered is not None
    assert offered.mailto is not None
    return raw(WISH, to="undisclosed:;"), offered.mailto


def piped(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(octets)))


def came_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert answer(["receive", "mail", *words, "-o", "json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(printed)
    return printed


def test_mails_are_read_out_of_whatever_holds_them(
    sent: list[str], shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post = tmp_path / "post"
    maildir, box, folder = post / "Maildir", post / "mbox", post / "mails"
    for place in (maildir / "new", maildir / "cur", maildir / "tmp", folder):
        place.mkdir(parents=True)
    (maildir / "new" / "1.a").write_bytes(bounce("ana"))
    (maildir / "cur" / "2.b:2,S").write_bytes(raw(AWAY))
    (maildir / "tmp" / "3.c").write_bytes(b"half a ma")
    line = b"From MAILER-DAEMON Tue Mar  3 08:00:00 2026\n"
    box.write_bytes(b"\n".join([line + bounce("ana"), line + bounce("ben"), line + raw(WISH)]))
    (folder / "4.eml").write_bytes(b"")
    (folder / ".hidden").write_bytes(bounce("ben"))
    before = {path: path.read_bytes() for path in post.rglob("*") if path.is_file()}

    printed = came_of(capsys, str(maildir), str(box), str(folder), *sent)

    assert printed["read"] == 6
    assert printed["new"] == {"bounced": 2, "complained": 0, "unsubscribed": 0}
    assert printed["repeated"] == 1
    assert printed["noted"] == {"delayed": 0, "automatic": 1, "other": 2}
    assert {path: path.read_bytes() for path in before} == before
    assert rows(shop.engine, "SELECT count(*) FROM receipt") == [(2,)]
    assert came_of(capsys, str(box), *sent)["repeated"] == 2


def test_a_mail_from_a_pipe_is_one_mail(
    sent: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    octets, to = wish("ana")
    piped(
        monkeypatch, b"From x Tue Mar  3 08:00:00 2026\n" + octets + b"\n\nFrom y\n" + bounce("ana")
    )
    printed = came_of(capsys, "--to", to, *sent)
    assert (printed["read"], printed["new"]["unsubscribed"]) == (1, 1)
    piped(monkeypatch, b"x" * 10_000_000)
    assert answer(["receive", "mail", "-", *sent]) == 0
    assert sys.stdin.buffer.read() == b""  # a server whose pipe is cut off takes that for a fault
    assert "1 mail read: others 1" in capsys.readouterr().err


def test_people_are_told_in_one_line_without_addresses(
    sent: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.eml").write_bytes(bounce("ana"))
    assert answer(["receive", "mail", str(tmp_path / "a.eml"), *sent]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "1 mail read: new bounces 1\n")


@pytest.mark.parametrize("project", ["here", "nowhere"])
def test_a_mail_that_cannot_be_kept_now_stays_with_the_mail_server(
    sent: list[str],
    project: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = {"here": sent[1], "nowhere": str(tmp_path)}[project]
    broken = ["--project", folder, "--db", f"sqlite:///{tmp_path}/none/clm.db"]
    (tmp_path / "a.eml").write_bytes(bounce("ana"))
    piped(monkeypatch, bounce("ana"))
    assert answer(["receive", "mail", *broken]) == 75
    assert answer(["receive", "mail", str(tmp_path / "a.eml"), *broken]) in (2, 5)
    assert "ana@" not in capsys.readouterr().err


def test_without_the_secret_a_mail_stays_and_none_is_made(
    sent: list[str],
    shop: Shop,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CLM_SECRET_KEY")
    octets, to = wish("ana")
    piped(monkeypatch, octets)
    assert answer(["receive", "mail", "--to", to, *sent]) == 75
    assert "CLM_SECRET_KEY" in capsys.readouterr().err
    assert not (shop.folder / ".clm" / "secret.key").exists()


def test_a_mistake_in_a_playbook_keeps_no_mail_out(
    sent: list[str], shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(hello="flow: hello\nstats: live\n")
    piped(monkeypatch, bounce("ana"))
    assert came_of(capsys, *sent)["new"]["bounced"] == 1


@pytest.mark.parametrize("words", [["nowhere"], ["-", "also"], ["--speed", "1"]])
def test_what_cannot_be_read_is_refused_before_anything_is(
    sent: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["receive", "mail", *words, *sent]) == 2
    assert capsys.readouterr().err


def test_a_mail_server_calls_it_as_a_process(sent: list[str], shop: Shop, tmp_path: Path) -> None:
    called = subprocess.run(  # ourselves
        [sys.executable, "-m", "orchestrator.cli", "receive", "mail", *sent],
        input=bounce("ana"),
        cwd=tmp_path,
        env={**os.environ, "CLM_SECRET_KEY": SECRET},
        capture_output=True,
        check=False,
    )
    assert (called.returncode, called.stdout) == (0, b"")
    assert b"new bounces 1" in called.stderr
    assert rows(shop.engine, "SELECT kind FROM receipt") == [("bounced",)]
