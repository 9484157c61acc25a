"""Which secret signs the links of a database: the first is remembered, no other takes its place."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness import Shop, at
from ledger import SENT_AT, greeted
from serving import served
from sqlalchemy import create_engine, select

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.delivery.signers import LostSecret, signer, signing_keys
from orchestrator.signing import SECRET_FILE, Keys, keys_of

NOW = at("2026-03-02T10:00")
OTHER = "another secret of these tests, 32 and more"
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLM_SECRET_KEY", raising=False)
    monkeypatch.delenv("CLM_SECRET_KEYS_OLD", raising=False)


@pytest.fixture
def signed(shop: Shop, database_url: str) -> list[str]:
    """A shop with queued messages and a secret that signed; the options that name it."""
    greeted(shop, "ana", "ben", subscribed_to="news")
    signing_keys(shop.engine, shop.folder, NOW)
    return ["--project", str(shop.folder), "--db", database_url]


def remembered(shop: Shop) -> str | None:
    with shop.engine.connect() as connection:
        return signer(connection)


def signs(shop: Shop, folder: Path | None = None) -> Keys:
    return signing_keys(shop.engine, folder or shop.folder, NOW)


def lose(shop: Shop) -> None:
    (shop.folder / SECRET_FILE).unlink()


def told(capsys: Printed, *words: str) -> tuple[int, str]:
    code = answer([*words])
    return code, " ".join("".join(capsys.readouterr()).split())


def test_the_first_secret_is_made_and_its_public_name_remembered(shop: Shop) -> None:
    assert remembered(shop) is None
    keys = signs(shop)

    assert remembered(shop) == keys.current.kid
    assert signs(shop) == keys


def test_two_that_begin_at_once_without_a_secret_do_not_both_sign(
    shop: Shop, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()

    def sign(folder: Path) -> str | None:
        try:
            return signs(shop, folder).current.kid
        except LostSecret:
            return None

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(sign, folders))
    assert sorted(found, key=str) == sorted([None, remembered(shop)], key=str)


VERBS: list[tuple[str, ...]] = [
    ("worker", "--drain", "--metrics", "off"),
    ("serve", "--port", "0", "--metrics", "off"),
    ("start", "--serve", "off", "--metrics", "off"),
    ("start", "--once"),
    ("run", "--at", "2026-03-03T10:00"),
    ("receive", "mail", "post"),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb[:2]))
@pytest.mark.parametrize("here", ["nothing", "another"])
def test_without_the_secret_that_signed_nothing_is_decided_sent_or_answered(
    signed: list[str],
    shop: Shop,
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
    verb: tuple[str, ...],
    here: str,
) -> None:
    monkeypatch.chdir(shop.folder)
    (shop.folder / "post").mkdir()
    name = remembered(shop)
    lose(shop)
    if here == "another":
        monkeypatch.setenv("CLM_SECRET_KEY", OTHER)

    code, said = told(capsys, *verb, *signed)
    assert code == 5, said
    assert f"links in messages are signed with the secret {name}, and" in said
    there_is = "CLM_SECRET_KEY is another" if here == "another" else "there is no"
    assert there_is in said
    assert "clmctl db accept-secret" in said
    assert not (shop.folder / SECRET_FILE).exists(), "none takes its place"
    assert remembered(shop) == name
    with shop.engine.connect() as connection:
        states = set(connection.scalars(select(tables.message.c.state)))
        latest = max(connection.scalars(select(tables.tick.c.at)))
    assert states == {"queued"}
    assert latest == at(SENT_AT), "no tick decides anything"


def test_what_only_reads_goes_on_and_doctor_calls_it_an_error(
    signed: list[str], shop: Shop, capsys: Printed
) -> None:
    name = remembered(shop)
    lose(shop)
    project = signed[:2]

    assert told(capsys, "check", *project)[0] == 0
    assert told(capsys, "explain", "ana", "--flow", "hello", *signed)[0] == 0
    assert told(capsys, "run", "--dry-run", "--at", "2026-03-03T10:00", *signed)[0] == 0
    assert told(capsys, "status", *signed)[0] == 0
    assert told(capsys, "simulate", "--from", "2026-03-03T10:00", "--days", "2", *signed)[0] == 0
    assert told(capsys, "render", "welcome", "--customer", "ana", *signed)[0] == 0
    assert not (shop.folder / SECRET_FILE).exists()
    assert answer(["doctor", *signed, "-o", "json"]) == 1
    findings: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    (found,) = [one for one in findings if one["area"] == "secret"]
    assert found["severity"] == "error"
    assert f"signed with the secret {name}, and there is no" in found["says"]
    assert "clmctl db accept-secret" in found["fix"]


def test_a_new_secret_that_keeps_the_old_one_takes_its_place(
    signed: list[str], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = remembered(shop)
    old = (shop.folder / SECRET_FILE).read_text(encoding="utf-8").strip()
    lose(shop)
    monkeypatch.setenv("CLM_SECRET_KEY", OTHER)
    monkeypatch.setenv("CLM_SECRET_KEYS_OLD", old)

    keys = signs(shop)
    assert remembered(shop) == keys.current.kid != before


def test_a_person_may_accept_that_the_old_one_is_lost(
    signed: list[str], shop: Shop, capsys: Printed
) -> None:
    before = remembered(shop)
    lose(shop)

    code, said = told(capsys, "db", "accept-secret", "--no-input", *signed)
    assert (code, remembered(shop)) == (4, before), said
    assert not (shop.folder / SECRET_FILE).exists()
    code, said = told(capsys, "db", "accept-secret", "--yes", *signed)
    after = remembered(shop)
    assert f"Links are signed with the secret {after} from now on, no longer with {before}" in said
    assert signs(shop).current.kid == after
    assert "nothing was changed" in told(capsys, "db", "accept-secret", "--yes", *signed)[1]
    with shop.engine.connect() as connection:
        act = tables.audit.c
        acts = connection.execute(select(act.action, act.object, act.detail)).all()
    assert [tuple(one) for one in acts] == [("accept", f"secret {after}", f"in place of {before}")]


def test_with_the_secret_back_from_a_backup_all_goes_on(
    signed: list[str], shop: Shop, capsys: Printed
) -> None:
    kept = (shop.folder / SECRET_FILE).read_bytes()
    lose(shop)
    assert told(capsys, "run", "--at", "2026-03-03T10:00", *signed)[0] == 5
    (shop.folder / SECRET_FILE).write_bytes(kept)

    code, said = told(capsys, "run", "--at", "2026-03-03T10:00", *signed)
    assert code == 0, said


def test_a_database_that_remembers_none_takes_up_the_one_that_is_here(
    shop: Shop, database_url: str, capsys: Printed
) -> None:
    greeted(shop, "ana", subscribed_to="news")
    kid = keys_of(shop.folder).current.kid
    assert remembered(shop) is None

    words = ["run", "--at", "2026-03-03T10:00"]
    code, said = told(capsys, *words, "--project", str(shop.folder), "--db", database_url)
    assert (code, remembered(shop)) == (0, kid), said


def test_a_message_for_trial_makes_no_secret_in_place_of_a_lost_one(
    signed: list[str], shop: Shop, capsys: Printed
) -> None:
    words = ["channels", "test-send", "email", "--to", "me@shop.example", "--yes", *signed]
    assert told(capsys, *words)[0] == 0
    lose(shop)

    code, said = told(capsys, *words)
    assert (code, "restore .clm/secret.key from a backup" in said) == (5, True), said
    assert not (shop.folder / SECRET_FILE).exists()


def test_links_wait_for_a_database_that_cannot_say_yet_which_secret_signs(
    signed: list[str], shop: Shop, tmp_path: Path
) -> None:
    away = create_engine(f"sqlite:///{tmp_path / 'gone' / 'clm.db'}")
    engines = [away]
    with served(shop) as server:
        server.site.keys = lambda: signing_keys(engines[0], shop.folder, NOW)
        assert server.client.get("/u/v1.x").status_code == 503
        assert server.client.post("/u/v1.x").status_code == 503
        engines[0] = shop.engine
        assert server.client.get("/u/v1.x").status_code == 404
