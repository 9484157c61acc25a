"""``clmctl doctor``: each finding with its fix, and exit code 1 for what is serious."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import Shop
from jsonschema import Draft7Validator
from sqlalchemy import update

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow
from orchestrator.columns import to_micros
from orchestrator.database_clock import database_now
from orchestrator.health.database_checks import SAFE_SQLITE, clock_findings
from orchestrator.health.doctor import package_findings

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "doctor.schema.json"
FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: welcome}, {wait: 3 days}, {send: again}]
"""


class Answer:
    """What the doctor said."""

    def __init__(self, code: int, document: Any) -> None:
        self.code = code
        self.findings = document["findings"]

    def of(self, area: str, severity: str = "") -> list[str]:
        return [
            one["says"]
            for one in self.findings
            if one["area"] == area and severity in ("", one["severity"])
        ]


def doctor(shop: Shop, capsys: pytest.CaptureFixture[str], url: str = "") -> Answer:
    url = url or shop.engine.url.render_as_string(hide_password=False)
    capsys.readouterr()
    code = answer(["doctor", "--project", str(shop.folder), "--db", url, "-o", "json"])
    document = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    return Answer(code, document)


@pytest.fixture
def ill(shop: Shop) -> Shop:
    """A shop whose latest tick was just now."""
    shop.write(hello=FLOW).customers(anna={"timezone": "Europe/Vienna"}, ben={})
    shop.tick((utcnow() - timedelta(minutes=2)).isoformat())
    shop.event("anna", "signed_up", (utcnow() - timedelta(minutes=1)).isoformat())
    shop.tick(utcnow().isoformat())
    return shop


def test_a_sound_shop_has_nothing_serious(ill: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    found = doctor(ill, capsys)
    is_old = ill.engine.dialect.name == "sqlite" and sqlite3.sqlite_version_info < SAFE_SQLITE

    assert found.code == 0
    assert [one["area"] for one in found.findings] == (["database"] if is_old else [])


def test_a_database_that_cannot_be_reached_is_serious(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(hello=FLOW)
    found = doctor(shop, capsys, "postgresql://nobody@127.0.0.1:1/none")

    assert found.code == 1
    assert "cannot be used" in found.of("database", "error")[0]


def test_a_schema_that_is_not_ours_is_serious(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(hello=FLOW)
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE clm_schema SET version_num = '0001'")
    found = doctor(shop, capsys)

    assert found.code == 1
    assert "older" in found.of("database", "error")[0]
    assert "db upgrade" in found.findings[-1]["fix"]


def test_zones_that_are_none_are_counted(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write(hello=FLOW)
    shop.customers(a={"timezone": "WIB"}, b={"timezone": "WIB"}, c={"timezone": "GMT+7"}, d={})
    shop.import_facts()

    says = doctor(shop, capsys).of("zones")[0]
    assert "Europe/Vienna: 3: " in says
    assert "'WIB' (2), 'GMT+7' (1)" in says


def test_files_that_do_not_load_leave_the_zone_of_the_last_release(
    ill: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    ill.customers(wib={"timezone": "WIB"}).import_facts()
    (ill.folder / "playbooks" / "hello.yaml").write_text("flow: [", encoding="utf-8")

    assert "who count as Europe/Vienna: 1: 'WIB' (1)" in doctor(ill, capsys).of("zones")[0]


def test_files_that_never_loaded_leave_the_zone_unnamed(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(hello=FLOW).customers(wib={"timezone": "WIB"}).import_facts()
    (shop.folder / "playbooks" / "hello.yaml").write_text("flow: [", encoding="utf-8")

    assert "who count as the project's: 1: " in doctor(shop, capsys).of("zones")[0]


def test_runs_on_a_step_that_is_gone_are_serious(
    ill: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    with ill.engine.begin() as connection:
        connection.execute(update(tables.enrollment).values(step="gone"))
    found = doctor(ill, capsys)

    assert found.code == 1
    assert "1 run of hello at gone" in found.of("runs", "error")[0]


def test_files_that_do_not_load_are_serious(ill: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (ill.folder / "playbooks" / "hello.yaml").write_text("flow: [", encoding="utf-8")
    found = doctor(ill, capsys)

    assert found.code == 1
    assert "goes on deciding" in found.of("playbooks", "error")[0]


def test_files_that_are_not_the_release_are_said(
    ill: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    ill.write(hello=FLOW.replace("3 days", "4 days"))

    assert "not the release" in doctor(ill, capsys).of("playbooks", "warning")[0]


def test_messages_that_no_flow_sends_are_named(
    ill: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    ill.template("forgotten")

    assert any("no flow sends: forgotten" in says for says in doctor(ill, capsys).of("playbooks"))


def test_conditions_that_make_every_tick_whole_are_named(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    segments = """
    segments:
      soon:
        - {did: buy, where: {day: {in_next: 3 days}}}
    """
    shop.write(hello=FLOW, segments=segments)
    says = doctor(shop, capsys).of("playbooks")

    assert any(one.startswith("segment soon asks where") for one in says)


def test_pauses_breakers_and_forgotten_work_are_said(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(hello=FLOW).customers(anna={}).tick("2026-03-02T09:00")
    moment = to_micros(utcnow())
    with shop.engine.begin() as connection:
        row = {"kind": "all", "name": "", "state": "paused", "at": moment, "reason": "stop it"}
        connection.execute(tables.control.insert().values(**row))
        connection.execute(update(tables.flow_state).values(tripped_at=moment))
        connection.execute(tables.dirty.insert().values(customer_id=1))
    says = doctor(shop, capsys).of("work")

    assert any("a tick has to look at 1 customer" in one for one in says)
    assert "everything is paused: stop it" in says
    assert any("breaker of hello" in one for one in says)


def test_clocks_apart_are_serious_from_a_minute_on(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        now = database_now(connection)
        seconds = {
            n: list(clock_findings(connection, now + timedelta(seconds=n))) for n in (0, 20, 90)
        }

    assert seconds[0] == []
    assert [one.severity for one in seconds[20]] == ["warning"]
    assert [one.severity for one in seconds[90]] == ["error"]


@pytest.mark.parametrize(
    ("jinja", "tzdata", "severities"),
    [
        ("3.1.6", "2026.1", []),
        ("3.1.5", "2026.1", ["error"]),
        ("3.2.0rc1", "2026.1", []),
        (None, None, ["error", "warning"]),
    ],
)
def test_packages_have_their_least_versions(
    jinja: str | None, tzdata: str | None, severities: list[str]
) -> None:
    assert [one.severity for one in package_findings(jinja, tzdata)] == severities


def test_runs_that_an_edit_will_move_are_a_warning(
    ill: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    ill.write(hello=FLOW.replace("{wait: 3 days}, ", ""))
    found = doctor(ill, capsys)
    assert found.of("runs", "error") == []
    assert "wait_before_again" in found.of("runs", "warning")[0]


def test_runs_that_stand_still_in_a_retired_flow_are_named(
    ill: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    ill.write(hello=FLOW.replace("status: live", "status: retired"))
    [says] = doctor(ill, capsys).of("runs", "warning")
    assert says.endswith("of hello stand still, for it is retired")


SMS = "sms: {account: env:SMS_ACCOUNT, token: env:SMS_ACCOUNT, from: '+43660000000'}"


def test_channels_that_nothing_carries_and_secrets_that_are_missing_are_found(
    ill: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMS_ACCOUNT", raising=False)
    to_come = "flow: to_come\nstarts_when: {did: view}\nsteps: [{send: news, channel: push}]\n"
    assert doctor(ill, capsys).of("channels") == []

    ill.write(channels=f"channels:\n  {SMS}\n", to_come=to_come)
    found = doctor(ill, capsys)

    assert found.code == 1
    assert found.of("channels", "error") == [
        "1 message on email, which nothing carries: none leaves"
    ]
    missing, again, push = found.of("channels", "warning")
    assert "sms cannot be opened here: a secret is missing: the variable SMS_ACCOUNT" in missing
    assert again == missing
    assert push == "to_come sends on push, which nothing carries: its messages will stay queued"

    ill.write(
        channels=f"channels:\n  {SMS}\n", to_come=to_come, too=to_come.replace("to_come", "too")
    )
    *_, both = doctor(ill, capsys).of("channels", "warning")
    assert (
        both == "to_come, too send on push, which nothing carries: their messages will stay queued"
    )
